//! A paragraph for the privacy policy of an app. What stands in double braces is the developer's to fill in.

use super::{Lang, of};
use candor_protocol::catalogue::{Category, Extra, RETENTION_DAYS_MOST, VERSION};

pub(super) fn render(lang: Lang) -> String {
    let count = |category| of(category).count();
    let longest = Category::ALL
        .iter()
        .flat_map(|category| of(*category))
        .map(candor_protocol::catalogue::Field::retention_days)
        .max()
        .unwrap_or(RETENTION_DAYS_MOST);
    let extras: Vec<&str> = Extra::ALL.iter().map(|extra| lang.extra(*extra)).collect();
    match lang {
        Lang::En => format!(
            "## Finding faults of this app\n\n\
             If you agree, a component of {{{{SDK}}}} in this app records crashes, freezes and how its connection fares, and sends them to {{{{OPERATOR}}}}, who \
             uses them to find and repair faults and for nothing else. Before anything is stored or sent, it is de-identified on your device: no name, \
             number, address, account, message, file of yours or identifier of your device is in it, no memory of the app, and no exact time. There is a \
             random number in its place, which changes at least every seven days.\n\n\
             What is sent (version {VERSION} of the catalogue: {random} random numbers, {device} classes of your device, {crash} fields of crashes, \
             {performance} of freezes and connections, {diagnostic} of how the app ended) is listed at {{{{ADDRESS OF THE CATALOGUE}}}}. Optional, and only if \
             you are told so here: {extras}. It is kept for at most {longest} days and not given to others.\n\n\
             You can say no, and change your mind at any time in {{{{WHERE}}}}: then recording stops at once, what is on your device is wiped, and what was sent \
             is erased. There you can also see and copy everything that is kept or was sent. If you are under 14, a parent or guardian has to agree. \
             Questions: {{{{CONTACT}}}}.\n",
            random = count(Category::Random),
            device = count(Category::Device),
            crash = count(Category::Crash),
            performance = count(Category::Performance),
            diagnostic = count(Category::Diagnostic),
            extras = extras.join("; "),
        ),
        Lang::Zh => format!(
            "## 查找本应用的故障\n\n\
             经您同意，本应用中由 {{{{SDK}}}} 提供的组件会记录崩溃、卡顿与连接状况，并发送给 {{{{运营者}}}}，仅用于查找和修复故障。任何数据在存储或发送之前，均已在您的设备上完成\
             去标识化：其中不含您的姓名、号码、地址、账号、消息、文件或设备标识，不含应用的内存内容，也不含精确时间，仅以至少每七天更换一次的随机编号代替。\n\n\
             所发送的数据（目录第 {VERSION} 版：随机编号 {random} 项，设备类别 {device} 项，崩溃 {crash} 项，卡顿与连接 {performance} 项，应用结束情况 {diagnostic} 项）\
             详见 {{{{目录地址}}}}。以下为可选数据，仅在此处向您说明后收集：{extras}。数据最长保留 {longest} 天，不向他人提供。\n\n\
             您可以拒绝，也可以随时在 {{{{位置}}}} 改变决定：届时立即停止记录，清除设备上的数据，并删除已发送的数据。您还可以在该处查看并复制所有保留或已发送的内容。\
             未满十四周岁的，须由父母或其他监护人同意。联系方式：{{{{联系方式}}}}。\n",
            random = count(Category::Random),
            device = count(Category::Device),
            crash = count(Category::Crash),
            performance = count(Category::Performance),
            diagnostic = count(Category::Diagnostic),
            extras = extras.join("；"),
        ),
    }
}
