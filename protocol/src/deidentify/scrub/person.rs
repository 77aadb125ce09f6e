//! Names of persons. Chinese names are found by their surname and by what stands beside them; other names only after a word
//! that says that a name follows.

use super::{
    Found, Kind,
    charset::CharSet,
    context::{Join, Value, key_before, says_nothing, text_at},
    phrases::Phrases,
    view::{View, holds_han, is_one_of},
    vocabulary::{spoken, technical},
    words::Class,
};
use std::ops::Range;

/// Surnames of one character, of more than nine in ten people.
const COMMON: CharSet = CharSet::of(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧肖程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍覃霍翁隋甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来缪蒙褚",
);
/// Surnames beside those.
const RARE: CharSet = CharSet::of(
    "娄厉闫宗明冷连党仇郎鄢郁郜麻敖宿巫岑鞠应乐封储荣屠蓝敬窦狄计支仲鹿匡卓艾仝蔺母慕习干贝巩全阚佟练邝楚原海寇商艳修粟苟权才虞竺伏沙危平佘喻符位暴井奚茅班战沃劳满湛腾展占郄",
);
/// Surnames of two characters.
#[rustfmt::skip]
static COMPOUND: Phrases<28> = Phrases::of(&[
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "宇文", "长孙", "慕容", "司徒", "端木",
    "轩辕", "夏侯", "南宫", "独孤", "第五", "百里", "呼延", "东郭", "西门", "赫连", "澹台", "公冶", "太史", "申屠",
]);
/// Characters that parents choose.
const GIVEN: CharSet = CharSet::of(
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂华玉萍红玲芬燕梅琳云莲真环雪荣爱妹香月莺媛瑞凡佳嘉琼勤珍贞莉美慧巧雅芝彩春菊凤洁琪艺菁晨辰宇轩浩然博文昊天泽楠子涵欣怡梓萱诗雨思语梦琴薇菲倩晓婷蕾颖露瑶婉娴瑾璇珊莎锦黛青柔竹霭凝飞翔鹏龙虎斌彬滨林森木清海江河波渊源泉山峰岩石岚川东南西北国建民庆国栋梁志远达鑫金银钢铁铭锋锐剑钊健康安宁和顺祥福禄寿喜乐阳光辉耀星辰晖旭日昌盛兴旺富贵学习文武才德仁义礼智信诚忠孝廉正直方圆贤良俊秀帅豪雄威猛毅恒永久长生根树松柏杨柳桃李杏花草叶莹冰雷电雯雲霜露虹霖震家宝贝珠玥琦瑜璐瑛琰珂玮珍琛玺翠碧兆元启昭亮朗晶昱晗曦煜炜烨灿焕炎焱煊杉桐槐楷权杭晋豫皓淼沐沛泓洪润涵渝溪漫潇澜瀚湘岳嵘崇岱峻屹嵩恺恩惠悦愉忆念怀慈憬懿芸苗若茹荷萌蓉蓓蕊薪蔚菡芷苒茜茵莘宏宜宸容宽宾守定宪寒尚小大少卫成双可凯力加勋升卓原君吟咏哲唐善四培基增士壮声夏奇奕好妍妮姗姝婧婵嫣嬅存季孟学孜丹为义之乃乔亚亦京人仕仙以任伊伦佑作佩依侠信修倩倬传儒先克全公其典军冠冬准凌凝刃初利前剑励劲勃博卉印厚双发友叔古史叶司合吉同名启周品哲唯喆喻嘉囡四圣在坚坤均城基堃塔境墨奎妙娅娇娥威婕嫒孝安官实密富寅尧居展岐川巍帆常平年广庚庭延弘张彤彦影彻律微徐得循心必忠怡性恬恭悟情惟意慕戈成战户手才扬承技投抒振捷掣政效敏敬敦斐斯新旋旎旗无时昂昆昕映昭晏景智暄暖望朋朔木朵权杰松果枫柏柯标格桦梁棋棣棠楚楠榕歆正毓水永汉汝江池沁沅沙治泉法泰洁津洲浦涓淇淑深清温游湛滔漪灏灵炳烁烈热熙燊爽牧特献玄率王玖玛玫珈珏珣班理琅琨琬瑄瑗瑚璟甜用甫甲申畅略白皎盈益盼真睿瞳知石砚硕磊祎祖神祺禹禾秋科秦穆空立童端竞笑笛筠筱策简米粤精素紫纯纳纹纾练绍经结绮维绪绣绿缘缨罗羽翊翎翰耘耿聪肖育胜胤腾臻致舒航舟良艾芊芋芙芮芯苏苑英范茂茗荃荣莫莱菀菱萧葳蒙蒲蓝蔓薇虞蝶行衡裕西言训许诺谊谦豆豪贝贤赋赐赞赫超越跃路轶轩辛达迅迎运进远连迪逸道遥邦郁郡重野量钧钰铎锦镇长闻阔际陆隽集雅雁零青靖静韬韵音顺颂颜风飒馥馨香驰骁骏高鲁鸣鸿鹤鹭麒麟黎默鼎齐",
);
/// Words of two or three characters that begin like a name and are none.
#[rustfmt::skip]
static WORDS: Phrases<228> = Phrases::of(&[
    "马上", "高并发", "安全", "任务", "方法", "余额", "温度", "常量", "包体", "段错误", "白名单", "时间", "时钟",
    "时序", "时长", "时区", "文件", "文本", "文字", "文档", "应用", "张量", "向量", "连接", "连接池", "连续", "程序",
    "程度", "平均", "平台", "平安", "平滑", "成功", "成员", "支付", "支持", "全部", "全局", "全量", "全屏", "经过",
    "单元", "单个", "单聊", "明文", "明确", "明细", "严重", "严格", "金额", "钱包", "白屏", "华为", "易用", "顾客",
    "毕竟", "陈旧", "于是", "强制", "强行", "强引用", "游戏", "游标", "游客", "管道", "管理", "管理员", "左侧",
    "高速", "高级", "高亮", "高清", "高频", "高危", "关闭", "关系", "关键", "关键字", "关联", "简单", "项目", "蓝牙",
    "封禁", "方式", "方向", "方案", "安装", "安卓", "安静", "解析", "解码", "解密", "解除", "解绑", "解压", "周期",
    "查询", "查看", "查找", "路径", "路由", "路由器", "计算", "计时", "计数", "计时器", "商品", "商户", "原因",
    "原始", "原生", "原子", "海外", "应答", "乐观锁", "储存", "荣耀", "权限", "才能", "习惯", "干净", "车机", "房间",
    "边界", "来源", "来电", "池化", "古老", "米", "强", "包名", "包含", "包大小", "景深", "曲线", "成本", "阳", "盛",
    "童", "纪录", "费用", "时延", "辛苦", "谷歌", "左滑", "齐全", "路线", "向上", "向下", "向后", "章节", "安",
    "施工", "石", "金", "白", "江", "常规", "常驻", "常见", "万一", "万次", "段落", "雷达", "钱", "易", "文", "方",
    "任意", "任何", "程", "高", "高度", "高低", "何时", "何种", "许可", "许可证", "于", "丁", "叶子", "叶节点",
    "夏令时", "田", "范围", "方才", "石英", "康", "毛玻璃", "龙", "万能", "段", "汤", "黎", "武", "贺", "兰", "陶",
    "颜色", "严禁", "温馨", "季度", "章", "申请", "尤其", "向导", "路", "岳", "梅", "成因", "成对", "项", "明天",
    "平时", "时段", "时光", "时机", "时刻", "常用", "乐", "金属", "金币", "江湖", "安心", "文化", "文章", "高兴",
    "明显",
]);
/// Titles after a name.
#[rustfmt::skip]
static TITLES: Phrases<14> = Phrases::of(&[
    "先生", "女士", "小姐", "太太", "同学", "老师", "经理", "医生", "师傅", "主任", "教授", "阿姨", "总监", "律师",
]);
/// Verbs with which a program goes on after the name of somebody who did something.
#[rustfmt::skip]
static VERBS: Phrases<76> = Phrases::of(&[
    "加入", "退出", "转账", "充值", "发红包", "接通", "挂号", "预约", "开户", "分享", "转发", "关注", "好友", "等", "邀请", "撤回", "发来", "发送", "发起", "发布", "创建", "修改", "移除", "踢出", "正在", "拍了拍",
    "上线", "下线", "登录", "登陆", "登出", "已读", "已", "来电", "呼叫", "请求", "的", "被", "未", "在", "向", "给",
    "于", "说", "回复", "点赞", "离开", "进入", "申请", "提交", "取消", "删除", "添加", "注册", "注销", "更新",
    "处理", "失败", "成功", "绑定", "解绑", "认证", "验证", "实名", "收到", "拒绝", "同意", "接听", "挂断", "签收",
    "下单", "支付", "不存在", "无", "与", "和",
]);
/// Words before a name that no list of keys holds, because they are common otherwise.
#[rustfmt::skip]
static BEFORE: Phrases<43> = Phrases::of(&[
    "收到", "联系", "通知", "视频通话", "语音通话", "聊天页", "与", "对象", "关于", "由", "给", "向", "和", "与", "被", "邀请", "移除", "踢出", "添加", "删除", "呼叫", "来自",
    "转给", "转账给", "发给", "发送给", "回复", "感谢", "经办", "找", "叫", "是", "为", "跟", "对", "@", "拨打",
    "致电", "指派给", "分配给", "请", "让", "将",
]);

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has(b'D') || view.has(b'H') {
        greetings(view, found);
    }
    if !view.has_han() {
        return;
    }
    for run in view.han_runs() {
        in_run(view, run.start..run.end, found);
    }
}

/// Names in one run of Chinese characters.
fn in_run(view: &View<'_>, run: Range<usize>, found: &mut Found) {
    let mut at = run.start;
    while at + 6 <= run.end {
        let Some(surname) = surname(view, at) else {
            at += 3;
            continue;
        };
        match name_at(view, &run, at, surname) {
            Some((end, rule)) => {
                found.cut(at..end, Kind::Person, rule);
                at = end;
            }
            None => at += 3,
        }
    }
}

/// The length in bytes of the surname at `at`, and whether it is a usual one.
fn surname(view: &View<'_>, at: usize) -> Option<(usize, bool)> {
    let c = view.han_at(at)?;
    if COMPOUND.at(view.s, at).is_some() {
        return Some((6, true));
    }
    if COMMON.has(c) {
        return Some((3, true));
    }
    RARE.has(c).then_some((3, false))
}

/// The end of a name that starts at `at`, and why it is taken for one.
fn name_at(
    view: &View<'_>,
    run: &Range<usize>,
    at: usize,
    (surname, common): (usize, bool),
) -> Option<(usize, &'static str)> {
    let given = at + surname;
    let left = run.end - given;
    if left < 3 {
        return None;
    }
    let whole = at == run.start && left <= 6;
    let is_word = |end: usize| WORDS.is(view.of(&(at..end)));
    let key = if at == run.start {
        key_before(view, at)
    } else {
        key_inside(view, run.start, at)
    };
    let asked = key.is_some_and(|key| {
        matches!(key.class, Class::Person)
            || matches!(
                key.class,
                Class::User | Class::Peer | Class::Nick | Class::Account | Class::Social
            )
    });
    if whole && !is_word(run.end) {
        if asked && !technical(view.of(run)) {
            return Some((run.end, "name after a word for a person"));
        }
        if common
            && likely(view, given, run.end)
            && !technical(view.of(run))
            && !spoken_of(view, run)
        {
            return Some((run.end, "surname and given name"));
        }
    }
    for len in [6, 3, 0] {
        let end = given + len;
        if TITLES
            .at(view.s, end)
            .is_some_and(|title| end + title.len() <= run.end)
            && (len > 0 || common && (at == run.start || asked))
            && !is_word(end)
            && (len == 0 || likely(view, given, end) || asked)
        {
            return Some((end, "name before a title"));
        }
    }
    // After a word that only a name follows, whatever comes next may come.
    let named = key.is_some_and(|key| key.class == Class::Person);
    let before = at > run.start
        && BEFORE
            .before(view.s, at)
            .is_some_and(|w| run.start + w.len() <= at);
    if !(asked || common && (before || at == run.start)) {
        return None;
    }
    // The run goes on after the name: by a verb, or as far as the characters look like a name.
    for len in [6, 3] {
        let end = given + len;
        if end > run.end || is_word(end) || is_word(at + 6) || !likely(view, given, end) {
            continue;
        }
        let verb = VERBS.at(view.s, end).is_some();
        let closed = end == run.end;
        if named
            || closed && (asked || before)
            || before && len == 6 && !super::place::is_place(view, at)
            || verb && (asked || before || common && at == run.start && !is_word(at + 6))
        {
            let rule = if asked {
                "name after a word for a person"
            } else {
                "name beside a verb"
            };
            return Some((end, rule));
        }
    }
    None
}

/// The word before `at` in the same run of characters.
fn key_inside(view: &View<'_>, run_start: usize, at: usize) -> Option<super::context::Key> {
    let (start, class) = view.name_before(at)?;
    (start >= run_start).then_some(super::context::Key {
        class,
        join: Join::Touching,
    })
}

/// Whether all characters from `from` to `to` are ones that parents choose.
fn likely(view: &View<'_>, from: usize, to: usize) -> bool {
    let mut at = from;
    while at < to {
        match view.han_at(at) {
            Some(c) if GIVEN.has(c) => at += 3,
            _ => return false,
        }
    }
    to > from
}

/// Whether what stands before the run makes it something else than a name.
fn spoken_of(view: &View<'_>, run: &Range<usize>) -> bool {
    key_before(view, run.start).is_some_and(|key| {
        matches!(
            key.class,
            Class::Metric | Class::Plain | Class::Version | Class::Digest
        )
    })
}

/// Whether a text has the shape of a Chinese name.
pub(super) fn is_name(view: &View<'_>, range: &Range<usize>) -> bool {
    let end = view.han_run(range.start, 4);
    end == range.end
        && surname(view, range.start).is_some_and(|(len, common)| {
            let given = range.len().saturating_sub(len);
            (3..=6).contains(&given) && (common && given <= 6) && !WORDS.is(view.of(range))
        })
}

/// Names beside what was found already: `王芳 13800000000`, `Alice <alice@example.org>`.
pub(super) fn beside(view: &View<'_>, found: &mut Found) {
    let anchors: Vec<Range<usize>> = found
        .0
        .iter()
        .filter(|one| {
            matches!(
                one.kind,
                Kind::Phone
                    | Kind::IdCard
                    | Kind::Email
                    | Kind::BankCard
                    | Kind::Passport
                    | Kind::Account
                    | Kind::Social
            )
        })
        .map(|one| one.range.clone())
        .collect();
    for anchor in anchors {
        before_anchor(view, &anchor, found);
        after_anchor(view, &anchor, found);
    }
}

fn joint(b: u8) -> bool {
    matches!(
        b,
        b' ' | b','
            | b';'
            | b':'
            | b'|'
            | b'/'
            | b'('
            | b'"'
            | b'\''
            | b'\t'
            | b'<'
            | b'-'
            | b'='
            | b'['
    )
}

fn before_anchor(view: &View<'_>, anchor: &Range<usize>, found: &mut Found) {
    let mut at = view.run_back(anchor.start, 6, joint);
    // A word for the number may stand between: `王芳 手机 138...`, `王芳 (phone 138...)`.
    if let Some((start, class)) = view.name_before(at)
        && matches!(
            class,
            Class::Phone
                | Class::IdCard
                | Class::Card
                | Class::Email
                | Class::Account
                | Class::Passport
        )
        && at < anchor.start
    {
        at = view.run_back(start, 6, joint);
    }
    if at == anchor.start {
        return;
    }
    let floor = view.run_back(at, 12, |b| b >= 0x80);
    let range = floor..at;
    if !range.is_empty()
        && range.len() <= 12
        && is_name(view, &range)
        && !technical(view.of(&range))
    {
        found.cut(range, Kind::Person, "name beside an identifier");
        return;
    }
    if view.before(anchor.start) == b'<' {
        display_name(view, anchor.start - 1, found);
    }
}

/// `Alice Johnson <alice@example.org>`.
fn display_name(view: &View<'_>, open: usize, found: &mut Found) {
    let end = view.run_back(open, 2, |b| matches!(b, b' ' | b'"'));
    let start = view.run_back(end, 60, |b| {
        b.is_ascii_alphabetic() || matches!(b, b' ' | b'.' | b'\'' | b'-') || b >= 0x80
    });
    let mut from = start;
    // Only the capitalised words before the address.
    for word in view.of(&(start..end)).split(|&b| b == b' ').rev() {
        if !word
            .first()
            .is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80)
        {
            break;
        }
        from = end.min(if from == start { end } else { from })
            - word.len()
            - usize::from(from != start);
    }
    if from > start
        || view
            .of(&(start..end))
            .first()
            .is_some_and(u8::is_ascii_uppercase)
    {
        let words = view.of(&(from.max(start)..end));
        if words.len() >= 2 && !is_one_of(words, &["From", "To", "Cc", "Mail"]) {
            found.cut(from.max(start)..end, Kind::Person, "name before an address");
        }
    }
}

fn after_anchor(view: &View<'_>, anchor: &Range<usize>, found: &mut Found) {
    let start = view.run(anchor.end, |b| joint(b) || b == b')');
    if start == anchor.end || start - anchor.end > 5 {
        return;
    }
    let end = view.han_run(start, 5);
    if end > start
        && is_name(view, &(start..end))
        && likely(view, start + 3, end)
        && !technical(view.of(&(start..end)))
    {
        found.cut(start..end, Kind::Person, "name beside an identifier");
    }
}

/// A value after a word for a person or for a name.
pub(super) fn keyed(
    view: &View<'_>,
    class: Class,
    key: Range<usize>,
    at: usize,
    join: Join,
    found: &mut Found,
) {
    let Some(value) = text_at(view, at, join) else {
        return;
    };
    let text = view.of(&value.range);
    if says_nothing(text) || text.len() > 80 || join == Join::Touching && !value.quoted {
        return;
    }
    if holds_han(text) {
        chinese(view, class, &value, found);
        return;
    }
    // Letters of any alphabet, spaces and the signs of names.
    let letters = text
        .iter()
        .all(|&b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'\'' | b'-' | b'.') || b >= 0x80);
    if !letters || text.len() < 2 {
        return;
    }
    let words = text.split(|&b| b == b' ');
    let capitals = words
        .clone()
        .filter(|w| {
            w.first()
                .is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80)
        })
        .count();
    let count = words.count();
    let named = view
        .of(&key)
        .to_ascii_lowercase()
        .windows(4)
        .any(|w| w == b"name");
    let first = text
        .first()
        .is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80);
    let full = first && count >= 2 && capitals >= 2 && capitals + 1 >= count;
    let fits = match class {
        Class::Person => {
            full || (value.quoted || named && join >= Join::Verb) && count <= 3 && !technical(text)
        }
        Class::User | Class::Peer => {
            full && (join >= Join::Verb || value.quoted) && !technical(text)
        }
        _ => full && about_somebody(view, key.start) && !technical(text),
    };
    if fits {
        // The words after the name are the program's.
        let end = if value.quoted {
            value.range.end
        } else {
            capitalised(view, value.range.start, value.range.end)
        };
        found.cut(
            value.range.start..end,
            Kind::Person,
            "value after a word for a person",
        );
    }
}

fn capitalised(view: &View<'_>, start: usize, end: usize) -> usize {
    let mut at = start;
    let mut last = start;
    while at < end {
        let word = view.run(at, |b| b != b' ').min(end);
        if !(view.at(at).is_ascii_uppercase() || view.at(at) >= 0x80) && last > start {
            break;
        }
        last = word;
        at = word + 1;
    }
    last
}

fn about_somebody(view: &View<'_>, at: usize) -> bool {
    super::account::of_a_person(view, at)
}

fn chinese(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    let text = view.of(&value.range);
    if class == Class::Name {
        if technical(text) && !spoken(text) || !(value.quoted || value.join == Join::Assigned) {
            return;
        }
        let kind = match super::account::structure_around(view, value.range.start) {
            Some(Class::Group | Class::Conversation) => Kind::Group,
            _ if text.ends_with("群".as_bytes()) => Kind::Group,
            _ => Kind::Person,
        };
        found.cut(value.range.clone(), kind, "value after a word for a name");
        return;
    }
    if class == Class::Person && (value.quoted || value.join >= Join::Verb) {
        // A name may hold a dot and letters; prose is longer.
        let end = value.range.end.min(value.range.start + 36);
        let stop = view
            .of(&(value.range.start..end))
            .iter()
            .position(|b| matches!(b, b' ' | b'(' | b'['))
            .map_or(end, |i| value.range.start + i);
        let name = value.range.start..if value.quoted { value.range.end } else { stop };
        if name.len() <= 36 && !technical(view.of(&name)) {
            found.cut(name, Kind::Person, "value after a word for a person");
        }
    }
    // Other classes are served by the search for names itself.
}

/// `Dear Alice Johnson,`: whom a letter greets.
fn greetings(view: &View<'_>, found: &mut Found) {
    for at in (0..view.s.len()).filter(|&i| matches!(view.s[i], b'D' | b'H') && view.opens(i)) {
        let Some(greeting) = ["Dear ", "Hi "].iter().find(|g| view.is_at(at, g)) else {
            continue;
        };
        let start = at + greeting.len();
        let (mut end, mut words) = (start, 0);
        while words < 3
            && (view.at(end).is_ascii_uppercase()
                || view.at(end) >= 0xc3 && view.han_at(end).is_none())
        {
            let word = view.run(end, |b| {
                b.is_ascii_alphabetic() || matches!(b, b'\'' | b'-') || b >= 0x80
            });
            words += 1;
            end = word + usize::from(view.at(word) == b' ');
            if view.at(word) != b' ' {
                end = word;
                break;
            }
        }
        while view.before(end) == b' ' {
            end -= 1;
        }
        let closed = matches!(view.at(end), b',' | b'!' | b':' | b'.' | 0);
        let name = view.of(&(start..end));
        if words > 0
            && closed
            && !is_one_of(
                name,
                &[
                    "User", "Customer", "Sir", "Madam", "All", "Team", "World", "There", "Everyone",
                ],
            )
        {
            found.cut(start..end, Kind::Person, "name in a greeting");
        }
    }
}
