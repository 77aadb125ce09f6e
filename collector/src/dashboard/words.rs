//! Every word that pages say, in English and in Chinese. A word that is missing in one language does not compile.
//!
//! `{}` stands for a value; [`fill`] puts them in, in order. `(s)` after one is an `s`, unless the value is 1.

use std::fmt::Display;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Lang {
    /// The word in the address, the cookie and the page's `lang` attribute.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The language of a word in the address.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::En, Self::Zh]
            .into_iter()
            .find(|lang| lang.word() == word)
    }

    /// The language that an `Accept-Language` header names first among those that are spoken here.
    pub(crate) fn preferred(header: &str) -> Self {
        let weighed = header.split(',').filter_map(|entry| {
            let (tag, weight) = entry.split_once(";q=").unwrap_or((entry, "1"));
            let language = tag.trim().split('-').next()?;
            Some((
                Self::parse(&language.to_ascii_lowercase())?,
                weight.trim().parse::<f32>().ok()?,
            ))
        });
        // Of equal weights the first counts.
        weighed
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(lang, _)| lang)
            .unwrap_or_default()
    }

    /// The words of this language.
    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }
}

/// `pattern` with its `{}` replaced by `values`, in order, and its `(s)` by an `s` where the value before is not 1.
pub(crate) fn fill(pattern: &str, values: &[&dyn Display]) -> String {
    let mut parts = pattern.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        let value = values
            .get(index)
            .map(|value| value.to_string())
            .unwrap_or_default();
        let plural = if value == "1" { "" } else { "s" };
        out.push_str(&value);
        out.push_str(&part.replace("(s)", plural));
    }
    out
}

macro_rules! words {
    ($($key:ident: $en:literal, $zh:literal;)+) => {
        /// What pages say in one language.
        #[derive(Debug)]
        pub(crate) struct Words {
            $(pub(crate) $key: &'static str,)+
        }

        const EN: Words = Words { $($key: $en,)+ };
        const ZH: Words = Words { $($key: $zh,)+ };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $en, $zh),)+];
    };
}

words! {
    // Around every page.
    overview: "Overview", "概览";
    issues: "Issues", "问题";
    freezes: "Freezes", "卡顿";
    connections: "Connections", "连接";
    privacy: "Privacy", "隐私";
    skip: "Skip to the content", "跳到正文";
    pages: "Pages", "页面";
    app: "App", "应用";
    range: "Range of time", "时间范围";
    dark: "Dark", "深色";
    light: "Light", "浅色";
    theme_hint: "Change between light and dark", "切换深浅色";
    lang_hint: "中文", "English";
    live: "Live", "实时";
    paused: "Paused", "已暂停";
    live_hint: "Stop or resume refreshing", "停止或继续刷新";
    back_to_now: "Back to now", "回到现在";
    keys_hint: "Keys: / filters, j and k move along a list, x selects, b leads to what is done with the selected, Enter opens, r resolves or reopens an issue, n and p step through its reports, arrows read a chart.", "按键：/ 筛选，j 与 k 在列表中移动，x 选择，b 转到对所选的操作，Enter 打开，r 解决或重新打开问题，n 与 p 切换其报告，方向键读取图表。";
    footer: "Times are UTC. Reports tell the hour unless the app declares minutes.", "时间为 UTC。除非应用声明到分钟，报告只精确到小时。";

    // Who is signed in, and the way in.
    a_settings: "Settings", "设置";
    a_account: "Account", "账户";
    a_sign_in: "Sign in", "登录";
    a_sign_out: "Sign out", "退出登录";
    a_name: "Name", "姓名";
    a_password: "Password", "密码";
    a_open_notice: "Nobody is asked to sign in here: whoever reaches this address may see and change everything. Meant for a demo or a machine of your own.", "此处无需登录：任何能访问此地址的人都可以查看并更改一切。仅适用于演示或您自己的计算机。";
    a_wrong: "The name or the password is wrong.", "姓名或密码不正确。";
    a_wait: "There were too many attempts. Try again in {} minute(s).", "尝试次数过多。请在 {} 分钟后重试。";
    a_busy: "Too many people sign in at this moment. Try again in some seconds.", "当前登录人数过多，请稍后重试。";
    a_failed: "This cannot be looked up right now. The collector's log says why.", "暂时无法查询。原因见采集端日志。";
    a_no_admin: "Nobody can sign in yet. The collector printed a link when it started; open that. It prints a new one each time it starts.", "目前还没有人可以登录。采集端启动时输出了一个链接，请打开该链接；每次启动都会输出新的链接。";
    a_forgotten: "Whoever forgot the password asks an admin for a link.", "忘记密码时，请向管理员索取链接。";
    a_welcome: "Welcome", "欢迎";
    a_welcome_first: "You are the first here. Choose what you are called and a password; you will be an admin, who adds everybody else.", "您是第一位使用者。请选择姓名和密码；您将成为管理员，并可添加其他人。";
    a_welcome_person: "{}, choose a password.", "{}，请选择一个密码。";
    a_no_link: "This link has been used, is too old, or is not complete. Ask an admin for another one.", "此链接已被使用、已过期或不完整。请向管理员索取新的链接。";
    a_password_hint: "At least 12 characters. A few words that nobody else would put together are easiest to remember.", "至少 12 个字符。几个别人不会组合在一起的词最容易记住。";
    a_name_hint: "1 to 64 of a-z 0-9 . _ - @ +", "1 至 64 个字符：a-z 0-9 . _ - @ +";
    a_again: "The password again", "再次输入密码";
    a_differ: "The two passwords are not the same.", "两次输入的密码不一致。";
    a_weak_short: "This password is too short: it needs at least 12 characters.", "密码太短：至少需要 12 个字符。";
    a_weak_long: "This password is too long.", "密码过长。";
    a_weak_name: "This password is hardly more than the name.", "密码与姓名过于相似。";
    a_weak_same: "This password is the same one or two characters over and over.", "密码只是一两个字符的重复。";
    a_choose: "Use this password", "使用此密码";
    a_not_allowed: "This is for others", "无权访问";
    a_not_allowed_text: "What you are signed in as does not include this. An admin can change that.", "您的角色不包含此项权限。管理员可以更改。";
    a_only_aggregates: "Single reports are shown to triagers and admins.", "单份报告仅向处理者和管理员显示。";

    // One's own account.
    a_change_password: "Change the password", "更改密码";
    a_change_hint: "Everywhere else you are signed out.", "其他所有地方都将退出登录。";
    a_present: "Present password", "当前密码";
    a_next: "New password", "新密码";
    a_sessions: "Where you are signed in", "登录会话";
    a_sessions_hint: "A session ends after 12 hours without use, and after 7 days in any case. Neither address nor browser is kept.", "会话在 12 小时未使用或满 7 天后结束。不保存地址或浏览器信息。";
    a_since: "Since", "开始";
    a_seen: "Last used", "最近使用";
    a_this_one: "this one", "当前会话";
    a_end: "End", "结束";
    a_everywhere: "Sign out everywhere", "在所有地方退出登录";
    a_changed: "The password is changed.", "密码已更改。";

    // People and tokens.
    a_people: "People", "人员";
    a_tokens: "Tokens", "令牌";
    a_role: "Role", "角色";
    a_roles_text: "A viewer sees counts, rates and issues. A triager sees single reports as well and changes the state of issues. An admin may do everything.", "查看者可查看计数、比率与问题；处理者还可查看单份报告并更改问题状态；管理员可执行一切操作。";
    a_can_sign_in: "Can sign in", "可以登录";
    a_not_yet: "No password yet", "尚未设置密码";
    a_add_person: "Add somebody", "添加人员";
    a_add: "Add", "添加";
    a_set: "Set", "更改";
    a_remove: "Remove", "移除";
    a_new_link: "New link", "新链接";
    a_link: "Hand this link over to {}. It is shown once, good for three days, and leads to choosing a password.", "请将此链接交给 {}。它只显示一次，三天内有效，用于设置密码。";
    a_token_is: "This is the token {}. It is shown once; only its hash is kept.", "这是令牌 {}。它只显示一次，仅保存其哈希值。";
    a_tokens_text: "Programs send a token as `authorization: Bearer TOKEN`. Each is good for what its scopes say, and for nothing else.", "程序以 `authorization: Bearer 令牌` 的形式发送令牌。每个令牌仅具有其范围内的权限。";
    a_tokens_none: "There is no token.", "没有令牌。";
    a_scopes: "Good for", "权限范围";
    a_by: "Made by", "创建者";
    a_never: "never", "从未";
    a_add_token: "Add a token", "添加令牌";
    a_sources: "Sources", "源代码";
    a_sources_text: "Where an app's own functions lead to in a stack. The address begins with https:// and holds {file}, and may hold {release} and {line}. Of files, the directory in which the app is built is left out.", "调用栈中应用自身的函数将链接到此处。地址须以 https:// 开头并包含 {file}，还可包含 {release} 与 {line}。文件路径会去掉构建目录前缀。";
    a_template: "Address", "地址";
    a_strip: "Directory of builds", "构建目录";
    a_save: "Save", "保存";
    a_sources_none: "There is no app yet.", "还没有应用。";
    a_sources_hint: "Leave the address empty to show no links.", "留空则不显示链接。";
    a_bad_template: "This cannot be an address of a forge: {}.", "地址无效：{}。";
    a_symbols: "Symbols", "符号文件";
    a_symbols_text: "Symbol files give addresses their names. Each is kept once, by its build id; a program adds one with a token that is good for that.", "符号文件为地址提供名称。每个构建只按其构建 ID 保存一份；程序可使用具有相应权限的令牌添加。";
    a_unnamed: "Builds without symbols", "缺少符号的构建";
    a_unnamed_text: "Code of these builds was met in stacks that have no names. When one of the commands below adds the symbols of a build, its reports are grouped again by themselves, and issues keep their states.", "在没有函数名称的调用栈中遇到了这些构建的代码。使用下面的命令添加构建的符号后，其报告会自动重新归类，问题保留原有状态。";
    a_unnamed_none: "Every build that was met in stacks had its symbols.", "调用栈中遇到的每个构建都有符号。";
    a_unnamed_soon: "added: its reports are being looked at", "已添加：正在处理其报告";
    a_late: "Symbols came late: reports of {} are grouped again. {} of {} issues are done; {} reports were looked at, {} moved.", "符号较晚添加：正在重新归类 {} 的报告。已完成 {} / {} 个问题；已查看 {} 份报告，移动 {} 份。";
    a_module: "File", "文件";
    a_app: "App", "应用";
    a_reports: "Reports", "报告";
    a_first: "First seen", "首次出现";
    a_last: "Last seen", "最近出现";
    a_symbols_none: "There are no symbol files yet.", "还没有符号文件。";
    a_symbols_more: "There are more, older ones.", "还有更早的文件未列出。";
    a_build: "Build", "构建";
    a_size: "Size", "大小";
    a_exists: "Somebody is called so already.", "该姓名已被使用。";
    a_token_exists: "A token is called so already.", "已有同名令牌。";
    a_last_admin: "Nobody would be left who may do everything.", "至少需要保留一位管理员。";
    a_no_such: "There is nobody and nothing of this name.", "没有此名称的人员或令牌。";
    a_no_scope: "Choose what the token is good for.", "请选择令牌的权限范围。";
    a_bad_name: "This cannot be a name: {}.", "名称无效：{}。";
    a_unwritten: "It cannot be written down, so it is not done.", "无法写入，因此未执行。";

    // An issue in one release.
    i_only_release: "Only release {} is shown.", "仅显示版本 {}。";
    i_all_releases: "All releases", "全部版本";
    i_release_not_shown: "Release {} is not shown on its own: it did not meet this issue in this range, or in too few installs. All releases are shown.", "不单独显示版本 {}：此范围内该版本未出现此问题，或安装数过少。现显示全部版本。";

    // Apps, what is kept, and what agents are asked.
    o_apps: "Apps and keys", "应用与密钥";
    o_retention: "Retention", "保存期限";
    o_remote: "Remote settings", "远程设置";
    o_apps_text: "An app sends reports with an ingest key. Keys are shown once; only their hashes are kept.", "应用使用接入密钥发送报告。密钥只显示一次，仅保存其哈希值。";
    o_no_apps: "There is no app yet. Add the first one.", "还没有应用。请先添加一个。";
    o_key: "Key", "密钥";
    o_key_state: "State", "状态";
    o_key_taken: "taken", "有效";
    o_key_until: "until {}", "有效至 {}";
    o_key_ended: "ended {}", "已于 {} 停用";
    o_arrived: "What arrived in the last {} days, by day and key", "近 {} 天收到的数据（按天与密钥）";
    o_received: "Received", "收到";
    o_key_used: "Last used", "最近使用";
    o_first_key: "the start", "创建之初";
    o_no_key_taken: "No key of this app is taken, so nothing more is taken of it.", "此应用没有有效密钥，因此不再接收其报告。";
    o_end_when: "When it ends", "何时停用";
    o_now: "now", "立即";
    o_in_days: "in {} day(s)", "{} 天后";
    o_new_key: "New key", "新密钥";
    o_overlap: "Keys that are taken now", "当前有效的密钥";
    o_stay: "stay", "保留";
    o_end_in_days: "end in {} day(s)", "{} 天后停用";
    o_app_key: "This is an ingest key of {}. It is shown once; only its hash is kept. Give it to the agent's settings.", "这是 {} 的接入密钥。它只显示一次，仅保存其哈希值。请将其填入代理的设置。";
    o_add_app: "Add an app", "添加应用";
    o_app_hint: "1 to 64 of a-z 0-9 . _ -", "1 至 64 个字符：a-z 0-9 . _ -";
    o_pin: "Its data may be kept in {} alone", "其数据只可保存在 {}";
    o_bad_app: "This cannot be the name of an app: {}.", "应用名称无效：{}。";
    o_no_app: "There is no app called {}.", "没有名为 {} 的应用。";
    o_app_exists: "The app {} exists; its key was shown when it was added.", "应用 {} 已存在；其密钥在添加时已显示。";
    o_no_key: "The app has no such key.", "该应用没有此密钥。";
    o_refused: "This was not done: {}.", "未执行：{}。";
    o_retention_text: "What is older goes by itself within the hour, and does not come back. There is a limit that nobody can exceed.", "超过期限的内容会在一小时内自动清除，且不可恢复。上限不可突破。";
    o_kept_what: "What", "内容";
    o_kept_days: "Days", "天数";
    o_kept_most: "At most", "上限";
    o_kept_usual: "Usual", "默认";
    o_for_all_apps: "for all apps", "适用于所有应用";
    o_remote_text: "Agents are told with the answer to their next upload. They can be asked for less than their developer and their user allow, never for more. Where several ranges hold a release, the least is asked for.", "代理在下一次上传的应答中得知。只能要求代理发送少于开发者与用户所允许的内容，绝不能更多。若多个范围包含同一版本，则以要求最少者为准。";
    o_asked: "What agents are asked", "当前要求";
    o_nothing_asked: "Nothing: agents do what their developer and their user allow.", "无：代理按开发者与用户所允许的执行。";
    o_releases: "Releases", "版本";
    o_all_releases: "all", "全部";
    o_releases_from: "from {}", "自 {} 起";
    o_releases_before: "before {}", "{} 之前";
    o_releases_between: "from {} to before {}", "自 {} 起至 {} 之前";
    o_less: "Less", "减少的内容";
    o_edit: "Change", "修改";
    o_take_back: "Take back", "撤回";
    o_ask_less: "Ask for less", "减少发送";
    o_from: "From release", "起始版本";
    o_from_hint: "The first release it is for; empty for the first there was", "适用的首个版本；留空表示从最早的版本起";
    o_before: "Before release", "截止版本（不含）";
    o_before_hint: "The first release it is not for any more; empty for none", "不再适用的首个版本；留空表示没有";
    o_off: "Nothing at all, until it is taken back", "完全停止，直到撤回";
    o_off_hours: "Nothing at all for so many hours", "完全停止的小时数";
    o_off_hours_hint: "1 to 168; empty for not", "1 至 168；留空表示不停止";
    o_off_until: "nothing at all until {}", "完全停止至 {}";
    o_kinds_off: "None of these reports", "不发送这些报告";
    o_without: "no {}", "不发送：{}";
    o_extras_off: "Without these optional fields", "不含这些可选字段";
    o_sample: "Of a hundred runs, so many", "每百次运行的采样数";
    o_sample_hint: "0 to 100; empty for all", "0 至 100；留空表示全部";
    o_sampled: "{} of {} % of runs", "{}：{}% 的运行";
    o_every: "Uploads that are not urgent, in minutes", "非紧急上传的间隔（分钟）";
    o_every_hint: "1 to 1,440; empty for as the agent likes", "1 至 1,440；留空由代理决定";
    o_every_said: "uploads at most every {} min", "上传间隔至少 {} 分钟";
    o_bad_number: "{} is not a number that this can be.", "{} 不是可用的数值。";
    o_bad_release: "{} is not a release.", "{} 不是版本号。";
    // Alerts.
    al_alerts: "Alerts", "告警";
    al_text: "Whoever is named here is told when something happens to this app. An alert holds names of functions and releases, counts and shares, and nothing of anybody.", "此应用发生情况时会通知以下接收方。告警只含函数与版本名称、计数和比率，不含任何个人信息。";
    al_off_here: "This collector tells no alerts (alerts = off); another one on the same data does.", "此采集端不发送告警（alerts = off），由共用数据的另一采集端发送。";
    al_no_links: "Alerts link to no page: say public_address in the configuration.", "告警不含页面链接：请在配置中设置 public_address。";
    al_no_webhook: "Nobody is told yet: add a webhook.", "尚无接收方：请添加 Webhook。";
    al_webhooks: "Who is told", "接收方";
    al_webhook: "Webhook", "Webhook";
    al_add_webhook: "Add a webhook", "添加 Webhook";
    al_name: "Name", "名称";
    al_service: "Service", "服务";
    al_address: "Address", "地址";
    al_address_hint: "As the service gives it out. It is never shown again.", "由服务提供。之后不再显示。";
    al_secret: "Secret", "密钥";
    al_secret_hint: "Messages are signed with it, and it is never shown again. Left empty, one is made for JSON; Slack knows none.", "用于对消息签名，之后不再显示。留空时会为 JSON 自动生成；Slack 不支持签名。";
    al_secret_is: "This is the secret of {}. It is shown once; whoever receives messages checks them with it.", "这是 {} 的密钥。它只显示一次，接收方用它校验消息。";
    al_set: "set", "已设置";
    al_not_set: "none", "未设置";
    al_knows_none: "not known to the service", "服务不支持";
    al_language: "Language", "语言";
    al_try: "Send a test", "发送测试";
    al_rules: "What is told", "告警规则";
    al_new_issue: "An issue is first seen, and within a day both are reached.", "首次出现的问题，且一天内同时达到以下两项。";
    al_regression: "An issue that was resolved is back in a later release.", "已解决的问题在之后的版本中再次出现。";
    al_crash_free: "Of the runs of a day, too few are without a crash.", "一天内无崩溃的运行占比过低。";
    al_spike: "An issue, or the crashes of all, are far above the median of the same hour of the last four weeks.", "某个问题或全部崩溃远高于过去四周同一小时的中位数。";
    al_connection: "Of the attempts to connect within six hours fewer succeed than in the six hours before.", "六小时内的连接成功率低于之前六小时。";
    al_quarantine: "An agent sent what might identify somebody; it was not kept.", "客户端发送了可能识别个人身份的内容，该内容未被保存。";
    al_silence: "Reports are turned away, and none is stored.", "有报告被拒绝，且没有任何报告存入。";
    al_installs: "At least installations", "安装数至少";
    al_share: "At least % of runs", "运行占比至少（%）";
    al_below: "Below %", "低于（%）";
    al_runs: "Of at least runs", "运行数至少";
    al_reports: "At least reports in the hour", "一小时内报告数至少";
    al_deviations: "Deviations above", "高出偏差倍数";
    al_points: "By at least percentage points", "下降百分点至少";
    al_attempts: "Of at least attempts", "尝试数至少";
    al_minutes: "For minutes", "持续分钟数";
    al_turned_away: "At least turned away", "被拒绝数至少";
    al_save: "Save", "保存";
    al_hours: "When", "时间";
    al_quiet: "Quiet hours", "免打扰时段";
    al_quiet_text: "What falls in them is told in one message afterwards.", "期间的告警会在结束后合并为一条消息。";
    al_from: "From", "开始";
    al_to: "To", "结束";
    al_offset: "Offset from UTC", "与 UTC 的时差";
    al_per_hour: "Messages an hour, at most", "每小时最多消息数";
    al_per_hour_hint: "What is more is told in one message afterwards.", "超出部分会在之后合并为一条消息。";
    al_muted: "Muted issues", "静音的问题";
    al_muted_text: "Nothing is told of these, nor of issues that are ignored. For a while they are muted on their own pages, and several at once in the list of issues.", "不会发送这些问题以及已忽略问题的告警。可在问题页面限时静音，也可在问题列表中批量静音。";
    al_issue: "Number of the issue", "问题编号";
    al_mute: "Mute", "静音";
    al_unmute: "Tell again", "恢复";
    al_told: "What was told", "已发出的告警";
    al_nothing_told: "Nothing was told within a month.", "一个月内没有告警。";
    al_deliveries: "Last messages", "最近的消息";
    al_nothing_sent: "No message was sent yet.", "尚未发送消息。";
    al_when: "When (UTC)", "时间（UTC）";
    al_what: "What", "内容";
    al_tries: "Attempts", "尝试次数";
    al_outcome: "Outcome", "结果";
    al_arrived: "Arrived", "已送达";
    al_waits: "Is being sent", "正在发送";
    al_again: "Tried again then: {}", "届时重试：{}";
    al_given_up: "Given up: {}", "已放弃：{}";
    al_several: "{} alerts together", "合并的 {} 条告警";
    al_bad_number: "This is not possible: {}.", "该值无效：{}。";
    al_bad_issue: "The number of an issue is sixteen digits of 0-9 a-f, as its address says.", "问题编号为 16 位 0-9 a-f，见其地址。";
    al_bad_address: "This address is not taken: {}.", "地址无效：{}。";
    al_no_service: "There is no such service.", "没有此服务。";
    al_exists: "A webhook is called so already.", "已有同名 Webhook。";
    al_too_many: "There are {} webhooks already.", "已有 {} 个 Webhook。";

    // Time.
    this_hour: "this hour", "本小时内";
    just_now: "just now", "刚刚";
    minutes_ago: "{} min ago", "{} 分钟前";
    hours_ago: "{} h ago", "{} 小时前";
    days_ago: "{} d ago", "{} 天前";
    time_utc: "Time (UTC)", "时间（UTC）";

    // Small groups.
    lax_notice: "Classes that few installations are in are shown here. That is for a demo, or for devices that are all your own; start the collector without --small-groups to merge them.", "此处显示了安装数很少的分组，仅适用于演示或设备均属于您本人的场合。启动采集端时去掉 --small-groups 即可合并小分组。";
    small_groups: "others", "其他";
    left_out: "With this filter, groups with too few installations to be shown are left out of every figure.", "启用该筛选后，安装数过少的分组不计入任何数字。";
    small_groups_hint: "Classes with too few installations to be shown on their own", "安装数过少、不单独显示的分组";

    // Releases.
    r_share_of_installs: "Share of installs", "安装占比";
    r_freezes_rate: "Freezes per 1,000 runs", "每千次运行卡顿";
    r_new_issues: "New issues", "新问题";
    r_seen: "First and last seen", "首次与最近出现";
    r_hint: "Below a share stands where it lies at 95 % (Wilson), taking runs and attempts for independent. An install can run several releases, so their shares can add up to more than 100 %. New issues are those of this range that were first seen in the release.", "占比下方为其 95% 置信区间（Wilson），假定各次运行与尝试相互独立。同一安装可运行多个版本，故占比之和可超过 100%。新问题指此范围内首次出现于该版本的问题。";
    r_nothing_text: "No release ran here. Look at a longer range, or at another app.", "此处没有版本运行。请查看更长的时间范围或其他应用。";
    r_compare: "Compare two releases", "对比两个版本";
    r_earlier: "From", "从";
    r_later: "to", "到";
    r_needs_two: "Two releases that can be shown are needed to compare; look at a longer range.", "至少需要两个可显示的版本才能对比；请查看更长的时间范围。";
    r_not_shown: "Release {} is not shown here: nothing arrived from it in this range, or from too few installs. Choose others.", "此处不显示版本 {}：此范围内没有其数据，或安装数过少。请选择其他版本。";
    r_no_difference: "no difference to be seen", "看不出差异";
    r_between: "between {} and {} points (95 %)", "{} 至 {} 个百分点（95%）";
    r_compare_hint: "Differences of shares are given with where they lie at 95 % (Newcombe); where that takes in zero, chance alone explains them. One that is for the worse is bold. Numbers without an interval are not judged.", "占比之差附 95% 置信区间（Newcombe）；区间包含零时，随机波动即可解释。变差以粗体标出。没有区间的数值不作判断。";
    r_risen: "New or much more frequent issues", "新增或明显增多的问题";
    r_none_risen: "None: no issue is new, and none is met at least twice as often beyond chance.", "没有：无新问题，也没有超出随机波动且至少翻倍的问题。";
    r_why: "Why", "原因";
    r_more_frequent: "more frequent", "增多";
    r_risen_hint: "Of every thousand runs of the release, how many met the issue. More frequent: at least twice as often, beyond chance (95 %). The number leads to the issues of the release.", "每千次运行中遇到该问题的次数。增多：至少翻倍且超出随机波动（95%）。点击数字查看该版本的问题。";

    // Runs.
    u_nothing_text: "No run started here. Look at a longer range, or at another app.", "此处没有开始的运行。请查看更长的时间范围或其他应用。";
    u_hint: "A run counts when it started, whenever it ended. One that has not ended yet may still last, or its device has not reported since.", "运行按开始时间计入，与何时结束无关。尚未结束的运行可能仍在进行，或其设备此后尚未上报。";

    // Privacy.
    p_sends: "What apps send", "应用发送的内容";
    p_sends_text: "Catalogue {}: {} fields, {} of them only where the developer switches them on. Nothing else is taken.", "目录版本 {}：共 {} 个字段，其中 {} 个仅在开发者开启后发送。其余一概不接收。";
    p_all_fields: "All fields", "全部字段";
    p_field: "Field", "字段";
    p_purpose: "Purpose", "用途";
    p_rule: "So that it identifies nobody", "去标识方式";
    p_optional: "optional: {}", "可选：{}";
    p_arrived: "Arrived so far", "迄今收到";
    p_kept: "How long it is kept", "保存期限";
    p_days: "{} day(s)", "{} 天";
    p_most: "at most {}", "上限 {} 天";
    p_here: "Where it is kept", "保存地点";
    p_region_here: "This collector", "本采集端";
    p_region_app: "This app may be kept in", "本应用可保存于";
    p_anywhere: "no region set", "未设置区域";
    p_quarantine: "Not kept", "未保存";
    p_quarantine_text: "Reports in which a value might identify somebody: the agent of that release has a fault. Only where it stood is known.", "其中某个值可能识别个人的报告：该版本的代理存在缺陷。仅记录所在字段，不记录其值。";
    p_quarantine_none: "Nothing: no agent has sent what might identify somebody.", "无：没有代理发送过可能识别个人的内容。";
    p_reason: "Rule", "规则";
    p_not_scrubbed: "de-identification would change it", "去标识处理会改动其值";
    p_alphabet: "has characters that it may not have", "含有不允许的字符";
    p_not_in_catalogue: "not in the catalogue that the batch names", "不在该批次所声明的目录版本中";
    p_too_long: "longer than it may be", "过长";
    p_too_short: "shorter than it may be", "过短";
    p_empty: "empty", "为空";
    p_last: "Last", "最近";
    p_erasures: "Erasures", "删除";
    p_erasures_none: "Nothing has been erased yet.", "尚未删除任何内容。";
    p_erased_what: "Erased", "删除内容";
    p_by: "By", "发起方";
    p_when: "When", "时间";
    p_receipt: "Receipt", "回执";
    p_check: "Anybody can check a receipt, offline:", "任何人都可以离线核验回执：";
    p_installations: "{} pseudonym(s)", "{} 个假名";
    p_whole_app: "the whole app", "整个应用";
    p_release: "release {}", "版本 {}";
    p_requests: "Requests of people", "个人请求";
    p_holds: "Legal holds", "法定保全";
    p_holds_text: "For as long as a law or a court wants it, reports of this app do not expire. A second person has to approve, and it ends by itself. What somebody asks to have erased is erased all the same.", "法律或法院要求期间，本应用的报告不到期清除。须由第二人批准，到期自动结束。个人要求删除的数据仍会删除。";
    p_holds_none: "Nothing is held.", "当前没有保全。";
    p_held: "A legal hold keeps reports until {}, whatever is agreed below.", "法定保全：报告保留至 {}，优先于以下期限。";
    p_hold_basis: "File number of the order", "文书编号";
    p_hold_until: "Ends on (UTC)", "截止日期 (UTC)";
    p_hold_by: "By", "经办人";
    p_hold_ask: "Ask for a hold", "申请保全";
    p_hold_approve: "Approve", "批准";
    p_hold_end: "End", "结束";
    p_hold_nobody: "Only people who sign in can decide about a hold: two of them have to, and by name.", "保全须由两名已登录人员分别决定。";
    p_hold_unknown: "There is no hold of this number, or it is over.", "没有此编号的保全，或已结束。";
    p_hold_too_long: "A hold ends within {} days from now; ask for another when it is over.", "保全须在 {} 天内结束；到期后可重新申请。";
    p_hold_another: "It takes another person than the one who asked for it, and it is approved once.", "须由申请人以外的人批准，且只需一次。";
    p_hold_many: "Too many holds of this app have not ended; end some first.", "本应用未结束的保全过多，请先结束部分。";
    p_requests_none: "Nobody has asked for anything yet.", "尚无请求。";
    p_requests_text: "Each is answered within {} working days.", "每项请求须在 {} 个工作日内答复。";
    p_number: "No.", "编号";
    p_asks: "Asks for", "请求";
    p_from: "From", "来自";
    p_due: "Due", "期限";
    p_stage: "State", "状态";
    p_late: "late", "已逾期";
    p_answer: "Answer", "答复";
    p_answer_words: "What is told", "答复内容";
    p_refuse: "Refuse", "拒绝";
    p_open: "Open a request", "登记请求";
    p_pseudonyms: "Pseudonyms of the device, as its app shows them", "设备的假名（见应用内显示）";
    p_proof: "Where the proof is kept, such as a ticket's number", "证明的存放处，例如工单号";
    p_open_button: "Open", "登记";
    p_trail: "Audit trail", "审计记录";
    p_trail_whole: "{} entries, unbroken.", "共 {} 条，链条完整。";
    p_trail_broken: "The audit trail was changed: {}", "审计记录已被改动：{}";
    p_head: "Last hash", "末端哈希";
    p_who: "Who", "操作者";
    p_did: "Did", "操作";
    p_key: "Key of this collector", "本采集端的公钥";
    p_key_text: "Receipts and notices are signed with it.", "回执与通知均用其签名。";
    p_partners: "Partners", "合作方";
    p_partners_text: "{} of {} of this year's privacy budget is spent.", "本年度隐私预算已用 {}，共 {}。";
    p_partners_none: "Nothing has been handed to anybody.", "未向任何一方提供数据。";
    p_week: "Week of", "周起始";
    p_sunset: "This service has ended", "本服务已终止";
    p_sunset_text: "Since {} agents are told so and wipe what they have. Notice: {}.", "自 {} 起，代理会收到通知并清除本机数据。通知：{}。";
    p_not_taken: "That was not taken", "未被接受";
    p_foreign_form: "The form did not come from this page.", "该表单并非来自本页面。";
    p_bad_form: "Something in the form could not be read: {}", "表单中有内容无法识别：{}";
    p_back: "Back to the page", "返回页面";

    // Charts.
    values: "Values", "数值";
    nothing_here: "Nothing in this range", "此范围内没有数据";
    chart_nothing: "{}: nothing.", "{}：无。";
    chart_total: "{}: {} in all, most {} at {}.", "{}：共 {}，最多 {}，在 {}。";
    chart_highest: "{}: highest {} at {}.", "{}：最高 {}，在 {}。";
    spark: "{} in all, at most {} at a time", "共 {}，单段最多 {}";
    frames_skipped: "{} frame(s) not the app's", "{} 个非应用栈帧";
    icicle_summary: "{} in all, most of it in {} ({}).", "共 {}，最多在 {}（{}）。";
    icicle_box: "{}: {}, {}", "{}：{}，{}";
    hottest: "By innermost own function", "按最内层的应用函数";
    function: "Function", "函数";
    samples: "Samples", "样本";
    time: "Time", "时间";
    share: "Share", "占比";

    // When there is nothing to show, or not what was asked for.
    no_app: "No app yet", "还没有应用";
    no_app_text: "Add one on the machine where the collector runs. DIR is the directory that the collector was started with. The command prints an ingest key, once.", "请在运行采集端的机器上添加一个应用。DIR 是启动采集端时所用的目录。该命令只打印一次上报密钥。";
    no_app_then: "Then give the app's name, this collector's address and the key to the agent's settings. This page shows the app as soon as it exists.", "然后把应用名、本采集端的地址和密钥填入代理的设置。应用一经添加，本页即会显示。";
    unknown_app: "No app of this name", "没有此名称的应用";
    unknown_app_text: "There is no app called {} here. Its name may have been typed wrong; these exist:", "这里没有名为 {} 的应用，名称可能有误。现有应用：";
    unknown_range: "No such range of time", "没有这样的时间范围";
    unknown_range_text: "{} is no range of time. These are:", "{} 不是时间范围。可选：";
    no_page: "No such page", "没有此页面";
    no_page_text: "These exist:", "现有页面：";
    no_issue: "No such issue", "没有此问题";
    no_issue_text: "It does not exist in this app, or all of its reports were erased.", "此应用中没有该问题，或其报告已全部删除。";
    all_issues: "All issues", "全部问题";
    no_report: "No such report", "没有此报告";
    no_report_text: "It does not exist, belongs to another issue, or was erased.", "该报告不存在、属于其他问题，或已被删除。";
    newest_report: "The newest report", "最新的报告";
    store_failed: "The store did not answer", "存储没有应答";
    store_failed_text: "Nothing is lost by this: what was acknowledged is on disk. The reason: {}. The collector's log says more.", "数据不会因此丢失：已确认的内容都在磁盘上。原因：{}。详见采集端日志。";
    try_again: "Try again", "重试";
    waiting: "Waiting for the first batch", "正在等待第一批报告";
    waiting_text: "Nothing has arrived for {} yet. A device sends only when both gates are open:", "尚未收到 {} 的数据。只有两道开关都打开，设备才会发送：";
    waiting_flag: "the developer has switched the extension on, with this collector's address and the app's key:", "开发者已启用扩展，并填入本采集端的地址和应用的密钥：";
    waiting_consent: "the user has consented to this version of the privacy policy.", "用户已同意当前版本的隐私政策。";
    waiting_check: "On the device, this tells which gate is closed, what waits and when it was last sent:", "在设备上，以下命令说明哪道开关未开、有多少待发以及上次发送时间：";
    quiet_range: "Nothing happened in this range", "此范围内没有记录";
    look_at_range: "Look at {}", "查看 {}";
    no_issues_text: "No crash and no freeze was reported.", "没有崩溃或卡顿报告。";
    no_freezes_text: "No watched thread stood still for longer than its threshold.", "没有受监视的线程停顿超过阈值。";
    no_connections_text: "No window of a connection was reported. A connection is reported once the host calls the agent's connection functions.", "没有连接时段的报告。宿主调用代理的连接接口后才会上报。";
    filter_empty: "No issue fits this filter", "没有符合筛选条件的问题";
    filter_reset: "Drop the filter", "清除筛选";

    // Overview.
    crash_free: "Crash-free runs", "无崩溃运行";
    freeze_free: "Freeze-free runs", "无卡顿运行";
    connection_success: "Connection success", "连接成功率";
    ready_p95: "Time to ready, p95", "就绪耗时 p95";
    runs: "Runs", "运行次数";
    runs_page: "Runs", "运行";
    cores: "{} core(s)", "{} 核";
    of_runs_crashed: "{} of {} run(s) crashed", "{} / {} 次运行崩溃";
    of_runs_froze: "{} of {} run(s) froze", "{} / {} 次运行卡顿";
    of_attempts: "{} of {} attempt(s)", "{} / {} 次尝试";
    of_runs: "{} of {} run(s)", "{} / {} 次运行";
    median_is: "median {}", "中位数 {}";
    on_installs: "on {} install(s)", "来自 {} 个安装";
    points: "{} points vs. before", "较此前 {} 个百分点";
    as_before: "as before", "与此前相同";
    than_before: "{} vs. before", "较此前 {}";
    nothing_before: "nothing before", "此前无数据";
    crashes_and_freezes: "Crashes and freezes", "崩溃与卡顿";
    crashes: "Crashes", "崩溃";
    attempts: "Connection attempts", "连接尝试";
    in_service: "in service", "成功";
    failed: "failed", "失败";
    top_issues: "Top issues", "主要问题";
    new_and_regressed: "New and regressed", "新出现与复发";
    more_issues: "{} more", "另有 {} 个";
    releases: "Releases", "版本";
    release: "Release", "版本";
    adoption: "Share of runs", "运行占比";
    installs: "Installs", "安装";
    still_running: "Not ended yet", "尚未结束";
    exits: "How runs ended", "运行如何结束";
    pipeline: "Pipeline", "数据管道";
    pipeline_hint: "Since the app was added. Every report that arrives is counted in exactly one of these, each time it arrives.", "自添加应用以来。每份报告每次到达恰好计入其中一项。";
    last_batch: "Last batch", "上一批";
    never: "never", "从未";
    stored: "Stored", "已存储";
    duplicates: "Duplicates, counted once", "重复（只计一次）";
    refused: "Refused", "拒收";
    limited: "Sent away, may come again", "已拒绝，可重发";
    lost: "Lost on devices", "设备上丢失";
    erased: "Erased on request", "应请求删除";

    // Issues.
    issue: "Issue", "问题";
    crash: "Crash", "崩溃";
    caught: "Caught", "已捕获";
    freeze: "Freeze", "卡顿";
    all: "All", "全部";
    caught_panics: "Caught panics", "已捕获的 panic";
    kind: "Kind", "类型";
    sort_by: "Sort by", "排序";
    filter: "Filter", "筛选";
    filter_hint: "Message, function or frame", "消息、函数或栈帧";
    trend: "Trend", "趋势";
    reports: "Reports", "报告";
    last_seen: "Last seen", "最近出现";
    first_seen: "First seen", "首次出现";
    new: "new", "新";
    issues_shown: "{} to {} of {}", "第 {} 至 {}，共 {}";
    earlier: "Previous", "上一页";
    later: "Next", "下一页";

    // What a team says about issues.
    t_state: "State", "状态";
    t_open: "open", "未处理";
    t_regressed: "regressed", "复发";
    t_resolved: "resolved", "已解决";
    t_ignored: "ignored", "已忽略";
    t_to_look_at: "Open and regressed", "未处理和复发";
    t_any_state: "Any state", "全部状态";
    t_show_all_states: "Show issues in any state", "显示所有状态的问题";
    t_more_filters: "More filters", "更多筛选";
    t_device: "Machine", "机型";
    t_assignee: "Assignee", "负责人";
    t_nobody: "nobody", "无";
    t_nobody_hint: "name, or - for nobody", "姓名，- 表示无人";
    t_code: "Blamed code", "出错代码";
    t_any_code: "any", "不限";
    t_own_code: "own", "自有代码";
    t_other_code: "other", "其他代码";
    t_age: "First seen", "首次出现";
    t_any_age: "any time", "不限";
    t_new_only: "in this range", "在此范围内";
    t_rising: "Rising", "上升";
    t_left_out: "Issues that fewer than {} installs met there in any week, and those whose others would be so few, are left out, so that nobody can be told by their machine.", "任一周内此处少于 {} 个安装遇到的问题，以及其余部分少于此数的问题不显示，以免由设备认出个人。";
    t_counted_of: "What is counted is of {} alone; the other classes choose among the issues.", "仅统计 {}；其他条件只用于筛选问题。";
    t_chosen: "Selected:", "所选：";
    t_choose: "Select", "选择";
    t_none_chosen: "No issue was selected.", "没有选择任何问题。";
    t_resolve: "Resolve in", "解决于";
    t_resolve_next: "Resolve in next release", "在下一版本解决";
    t_next_release: "next release", "下一版本";
    t_ignore: "Ignore", "忽略";
    t_reopen: "Reopen", "重新打开";
    t_until: "Until", "直到";
    t_forever: "for good", "永久";
    t_days: "for days", "若干天";
    t_more_reports: "until more reports", "直到再有若干报告";
    t_more_installs: "until more installs", "直到再有若干安装";
    t_mute: "Mute alerts", "静音告警";
    t_unmute: "Unmute alerts", "恢复告警";
    t_mute_for: "For how long", "时长";
    t_an_hour: "for an hour", "1 小时";
    t_eight_hours: "for 8 hours", "8 小时";
    t_a_day: "for a day", "1 天";
    t_a_week: "for a week", "7 天";
    t_a_month: "for 30 days", "30 天";
    t_muted: "No alert tells of it.", "不发送其告警。";
    t_muted_by: "No alert tells of it (muted by {}).", "不发送其告警（由 {} 静音）。";
    t_muted_until: "No alert tells of it until {} (muted by {}).", "在 {} 之前不发送其告警（由 {} 静音）。";
    t_assign: "Assign to", "指派给";
    t_done: "{} issue(s): {}", "{} 个问题：{}";
    t_resolved_next: "Resolved in the next release.", "将在下一版本解决。";
    t_all_muted: "Alerts muted for good.", "告警已永久静音。";
    t_all_muted_until: "Alerts muted until {}.", "告警静音至 {}。";
    t_all_unmuted: "Alerts unmuted.", "已恢复告警。";
    t_muted_mark: "muted", "已静音";
    t_choose_all: "all of this page", "本页全部";
    t_note: "Note", "备注";
    t_note_hint: "What do you know about it?", "对此有何了解？";
    t_add_note: "Add note", "添加备注";
    t_history: "History", "历史";
    t_resolved_in: "Resolved in {}.", "已在 {} 解决。";
    t_resolved_after: "Resolved in the release after {}.", "将在 {} 之后的版本解决。";
    t_regressed_in: "Back in {}, after it was resolved in {}.", "在 {} 复发，此前已在 {} 解决。";
    t_ignored_forever: "Ignored for good.", "永久忽略。";
    t_ignored_date: "Ignored until {}.", "忽略至 {}。";
    t_ignored_reports: "Ignored until {} more report(s).", "忽略，直到再有 {} 份报告。";
    t_ignored_installs: "Ignored until {} more install(s).", "忽略，直到再有 {} 个安装。";
    t_seen_in: "First seen in {}.", "首次出现于 {}。";
    t_back_in: "Regressed in {}.", "在 {} 复发。";
    t_over: "What it was ignored until has come.", "忽略条件已到。";
    t_reopened: "Reopened.", "重新打开。";
    t_assigned_to: "Assigned to {}.", "指派给 {}。";
    t_assigned_nobody: "Assigned to nobody.", "取消指派。";
    t_noted: "noted:", "备注：";
    t_merged_into: "Merged into", "并入";
    t_took: "Merged with", "合并了";
    t_split_from: "Split from", "拆分自";
    t_gave: "Split off", "拆出";
    t_came: "Reports came here when the names of their functions were known, from", "函数名称已知后，报告归入此处，来自";
    t_went: "Its reports belong elsewhere since the names of their functions are known:", "函数名称已知后，其报告归入：";
    t_split: "Split", "拆分";
    t_merge_again: "Merge again", "重新合并";
    t_members: "Merged into this issue", "已并入此问题";
    t_similar: "Similar issues", "相似问题";
    t_no_similar: "No other issue of this range blames the same function.", "此范围内没有其他问题指向同一函数。";
    t_many: "{} report(s)", "{} 份报告";
    t_merge_into: "Merge into it", "并入";
    t_merge_paste: "Number or address of another issue", "另一问题的编号或地址";
    t_search_other: "Search for another one", "搜索其他问题";
    t_not_merged: "Nothing was merged: the other issue does not exist, is of another kind, or is the same already.", "没有合并：另一问题不存在、类型不同或已是同一问题。";
    t_copy_markdown: "Copy as Markdown", "复制为 Markdown";
    t_other_releases: "Other releases", "其他版本";
    t_over_mark: "over-represented", "偏多";
    t_over_text: "Far more of the runs of this class met it than of all runs.", "此类运行遇到它的比例远高于全部运行。";

    // One issue.
    issue_reach: "{} report(s) from {} install(s) in {} run(s): {} of all runs in this range.", "{} 份报告，来自 {} 个安装、{} 次运行：占此范围全部运行的 {}。";
    issue_seen: "First seen {} in {}, last seen {} in {}.", "首次出现于 {}（{}），最近出现于 {}（{}）。";
    panic_sentence: "A panic ended the app in {}.", "panic 使应用在 {} 终止。";
    caught_sentence: "A panic in {} was caught; the app went on.", "{} 中的 panic 被捕获，应用继续运行。";
    signal_sentence: "{} ({}) ended the app in {}.", "{}（{}）使应用在 {} 终止。";
    freeze_sentence: "{} stood still for {}, {}.", "{} 停顿了 {}，{}。";
    freeze_sentence_turn: "{} stood still for {} in {}, {}.", "{} 停顿了 {}（{}），{}。";
    unknown_place: "an unknown place", "未知位置";
    computing: "computing", "正在计算";
    end: "End", "结果";
    fatal: "fatal: the process ended", "致命：进程终止";
    survived: "caught: the process went on", "已捕获：进程继续";
    raised_at: "Raised at", "触发处";
    signal: "Signal", "信号";
    fault: "Address", "地址";
    sent_by: "Sent by", "来源";
    uptime: "Uptime", "已运行";
    code: "Code", "代码";
    visible: "App was", "应用处于";
    foreground: "in the foreground", "前台";
    background: "in the background", "后台";
    memory: "Memory", "内存";
    resident: "Its own memory", "自身内存";
    about_mib: "{} to {} MiB", "{} 至 {} MiB";
    open_files: "Open files", "打开的文件";
    crumbs: "What the app did before", "此前的操作";
    crumbs_hint: "Latest first, with the time before the crash.", "最近的在前，并标明距崩溃的时间。";
    before: "before", "之前";
    did: "what", "操作";
    with: "with", "附带";
    took: "Stood still for", "停顿时长";
    threshold: "Threshold", "阈值";
    watch: "Watch", "监视点";
    turn: "Turn", "工作项";
    activity: "Activity", "活动";
    thread: "Thread", "线程";
    main_thread: "main thread", "主线程";
    other_thread: "not the main thread", "非主线程";
    unnamed_thread: "unnamed thread", "未命名线程";
    device: "Device", "设备";
    report: "Report", "报告";
    message: "Message", "消息";
    stack: "Stack", "调用栈";
    other_threads: "Other threads", "其他线程";
    inlined: "inlined", "内联";
    guessed: "guessed", "推测";
    no_module: "in no module", "不在任何模块";
    frames_of: "{} frame(s): {}", "{} 个栈帧：{}";
    frames_again: "{} frame(s): the {} above, {} time(s) more", "{} 个栈帧：以上 {} 个再重复 {} 次";
    frames_left_out: "{} frame(s) left out", "省略了 {} 个栈帧";
    no_frames: "The stack could not be recorded.", "未能记录调用栈。";
    unnamed_frames: "These frames have no names because no symbol file with their build id is known here. Give the collector the unstripped files of this release:", "这些栈帧没有名称，因为没有对应 build id 的符号文件。请把该版本未剥离的文件交给采集端：";
    copy: "Copy as text", "复制为文本";
    copied: "Copied", "已复制";
    newer: "Newer report", "较新的报告";
    older: "Older report", "较旧的报告";
    older_reports: "Older reports", "更早的报告";
    shown_report: "This report", "本报告";
    merged: "Where time went", "时间去向";
    merged_from: "{} of standing still in {} report(s), outermost function on top.", "共停顿 {}，来自 {} 份报告，最外层函数在上。";
    stacks: "Stacks of this report", "本报告的调用栈";
    samples_of: "for {} ({}), in {} sample(s)", "持续 {}（{}），{} 个样本";
    systems: "Systems", "系统";
    devices: "Devices", "设备";
    class: "Class", "类别";
    met: "Of runs", "占运行";
    after: "after {}", "运行 {} 后";
    why: "Why these are one issue", "为何归为同一问题";
    why_text: "Reports are put together by the rule below; lines, addresses of named code, hashes and releases never count.", "报告按以下规则归并；行号、已命名代码的地址、哈希与版本从不计入。";
    rule: "Rule", "规则";
    agree_in: "They agree in", "共同点";
    rules_of_file: "Rules of the developer's file", "开发者规则文件中的规则";
    frames_counted: "Frames that counted", "计入的栈帧";

    // Freezes.
    frozen_for: "Stood still, median", "停顿时长中位数";
    longest_is: "longest {}", "最长 {}";
    per_hour_run: "{} per hour of running", "每运行小时 {} 次";
    not_recovered: "Did not recover", "未恢复";
    not_recovered_note: "killed or exited while frozen", "卡顿中被终止或退出";
    median: "Median", "中位数";
    longest: "Longest", "最长";
    recovered: "Recovered", "恢复";
    what_for: "While blocked", "阻塞于";
    not_responding_share: "Not responding", "无响应";
    how_bad: "How bad", "严重程度";
    running_or_blocked: "Running or blocked", "计算或阻塞";
    how_ended: "How freezes ended", "卡顿如何结束";

    rate_by_release: "Freezes per hour of running, by release", "每运行小时卡顿次数（按版本）";
    rate_by_device: "Freezes per hour of running, by class of machine", "每运行小时卡顿次数（按机型）";
    hours_run: "Hours run", "运行小时";
    per_hour: "Per hour", "每小时";
    hours_run_hint: "Freezes are divided by the hours that ended runs lasted; a run that has not ended adds no hours.", "卡顿次数除以已结束运行的时长；尚未结束的运行不计入时长。";
    level: "Reached", "达到";
    hang: "hang", "卡顿";
    not_responding: "not responding, from {} on", "无响应（阈值 {}）";
    processor_share: "Had a processor", "占用处理器";
    percent_of_time: "{} % of the time", "{}% 的时间";
    holder: "Lock held by", "锁持有者";
    holder_stack: "Held the lock: {}", "持有锁：{}";

    // Connections.
    connection: "Connection", "连接";
    endpoint: "Endpoint", "端点";
    network: "Network", "网络";
    restricted: "Only", "仅限";
    take_away: "remove", "移除";
    time_to_ready: "Time to ready", "就绪耗时";
    by_phase: "By phase", "按阶段";
    rtt: "Heartbeat round trip", "心跳往返";
    rtt_p50: "Heartbeat round trip, p50", "心跳往返 p50";
    rtt_median: "RTT median", "RTT 中位数";
    ack: "Message acknowledged after", "消息确认耗时";
    failed_attempts: "Failed attempts", "失败的尝试";
    disconnects: "Disconnects", "断开";
    disconnect_reasons: "Why connections ended", "断开原因";
    without_service: "Time without service", "无服务时间";
    per_hour_service: "{} per hour in service", "每服务小时 {} 次";
    windows_behind: "in {} window(s)", "共 {} 个时段";
    tries: "Attempts", "尝试";
    no_service: "No service", "无服务";
    success: "Success", "成功";
    p50_p99_are: "p50 {}, p99 {}", "p50 {}，p99 {}";
    p95_is: "p95 {}", "p95 {}";
    others: "others", "其他";
    count: "Count", "次数";
    region: "Region", "地区";
    system: "System", "系统";
    transport: "Transport", "传输";
    stalls: "Stalls", "停滞";
    outages: "Outages", "服务中断";
    backoff: "Waits before an attempt", "重试前等待";
    reconnects: "Attempts to reconnect", "重连尝试";
    reconnects_short: "Reconnects", "重连";
    storms: "Reconnect storms", "重连风暴";
    storm: "{}, {} min: {} install(s) reconnected in the worst minute (usual {}), {} attempt(s) in all.", "{}，持续 {} 分钟：最严重的一分钟有 {} 个安装重连（平时 {}），共 {} 次尝试。";
    storms_hint: "By the minute in which reports arrive, unless the app declares minutes. A minute in which fewer than five installs reconnected is not kept.", "除非应用声明到分钟，否则按报告到达的分钟计算。不足五个安装重连的分钟不予保留。";
    heat_map: "Latency, value by value", "延迟分布";
    heat_summary: "{}. {} value(s): p50 {}, p95 {}, p99 {}.", "{}。{} 个值：p50 {}，p95 {}，p99 {}。";
    few: "few", "少";
    many: "many", "多";
    outages_are: "{} outage(s), median {}", "{} 次中断，中位数 {}";
    addresses: "Addresses tried, by family and order", "尝试的地址（按族与次序）";
    address_order: "Family and order", "族与次序";
    nth: "no. {}", "第 {} 个";
    nth_or_later: "no. {} or later", "第 {} 个及以后";
    answered: "Answered", "有应答";
    tcp: "What TCP says", "TCP 所见";
    tcp_hint: "Samples of the systems' TCP. Behind a proxy or a VPN it knows only the way to there.", "系统 TCP 的采样。经过代理或 VPN 时，只反映到代理的路径。";
    tcp_rtt: "TCP round trip", "TCP 往返";
    tcp_rtt_var: "Variation of the round trip", "往返抖动";
    tcp_min_rtt: "Smallest TCP round trip", "TCP 最小往返";
    retransmits: "Sent again", "重传";
    of_segments: "{} ({} of {} segments)", "{}（{} / {} 个报文段）";
    lost_segments: "Held for lost, per sample", "每次采样判定丢失";
    delivery_rate: "Delivery rate, median", "交付速率中位数";
    per_second: "{}/s", "{}/秒";
    compare: "Compare connections", "连接对比";
    compare_link: "Compare two releases, or with the time before", "对比两个版本，或与此前时段对比";
    compare_this: "Compare", "对比";
    compare_with: "with", "与";
    compare_hint: "A difference is bold when it is for the worse by more than chance explains (two-sided, 5 %).", "变差且超出随机波动（双侧 5 %）时，差异以粗体标出。";
    all_releases: "all releases", "全部版本";
    the_time_before: "the time before", "此前时段";
    figure: "Figure", "指标";
    difference: "Difference", "差异";
    service: "Service", "服务";
    n_attempts: "{} attempt(s) of {} run(s)", "{} 次尝试，{} 次运行";
    n_values: "{} value(s) of {} run(s)", "{} 个值，{} 次运行";
    in_service_for: "{} in service, {} run(s)", "服务 {}，{} 次运行";
    points_apart: "{} points", "{} 个百分点";
    the_same: "the same", "相同";
    disconnects_per_hour: "Disconnects per hour in service", "每服务小时断开";
    reconnects_per_hour: "Attempts to reconnect per hour in service", "每服务小时重连尝试";
    stalls_per_hour: "Stalls per hour in service", "每服务小时停滞";
    by_network: "By network", "按网络";
    by_endpoint: "By endpoint", "按端点";
    by_connection: "By connection", "按连接";
    by_release: "By release", "按版本";
    by_region: "By region", "按地区";
    by_system: "By system", "按系统";
    by_transport: "By transport", "按传输";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_leave_room_for_the_same_values() {
        for (key, en, zh) in PAIRS {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{key}");
            assert!(!en.is_empty() && !zh.is_empty(), "{key}");
        }
    }

    #[test]
    fn values_are_put_in_in_order_and_not_read_again() {
        assert_eq!(fill("{} of {}", &[&1, &"{}"]), "1 of {}");
        assert_eq!(fill("nothing", &[&1]), "nothing");
        assert_eq!(
            fill("{} run(s) of {} app(s)", &[&1, &"2"]),
            "1 run of 2 apps"
        );
    }

    #[test]
    fn the_browsers_preference_is_weighed() {
        assert_eq!(Lang::preferred("fr, zh-TW;q=0.5, en;q=0.8"), Lang::En);
        assert_eq!(Lang::preferred("zh,en"), Lang::Zh);
        assert_eq!(Lang::preferred("de"), Lang::En);
        assert_eq!(Lang::preferred(";;q=,"), Lang::En);
    }
}
