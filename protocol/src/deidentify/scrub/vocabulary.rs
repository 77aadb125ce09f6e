//! Which texts a program says and which a person says.

use super::phrases::Phrases;

/// Parts of words that programs use about themselves.
#[rustfmt::skip]
static TECHNICAL_HAN: Phrases<120> = Phrases::of(&[
    "失败", "错误", "超时", "异常", "连接", "网络", "服务", "请求", "重试", "为空", "无效", "不能", "无法", "解析",
    "参数", "权限", "断开", "断线", "成功", "加载", "初始化", "数据", "缓存", "线程", "内存", "队列", "版本", "配置",
    "校验", "验证", "返回", "状态", "接口", "协议", "心跳", "登录", "登出", "超出", "不存在", "不支持", "拒绝",
    "中断", "取消", "文件", "系统", "未知", "未找到", "格式", "类型", "字段", "索引", "下载", "上传", "同步", "推送",
    "编码", "解码", "加密", "解密", "签名", "证书", "端口", "进程", "崩溃", "溢出", "越界", "空指针", "死锁", "限流",
    "熔断", "降级", "重连", "握手", "过期", "失效", "非法", "缺失", "冲突", "已满", "不足", "丢弃", "阻塞", "耗时",
    "响应", "调用", "回调", "注册", "注销", "监听", "绑定", "订阅", "渲染", "页面", "按钮", "输入框", "弹窗", "启动",
    "退出", "切换", "前台", "后台", "刷新", "更新", "升级", "安装", "卸载", "数据库", "事务", "表", "插入", "查询",
    "删除", "读取", "写入", "序列", "设置", "模式", "默认", "服务器", "客户端",
]);

/// Parts of words that people use when they speak to each other.
#[rustfmt::skip]
static SPOKEN_HAN: Phrases<64> = Phrases::of(&[
    "我", "你", "您", "他", "她", "咱", "吗", "吧", "呢", "啊", "哦", "哈", "嗯", "呀", "啦", "嘛", "谢谢", "明天",
    "今天", "今晚", "晚上", "下午", "上午", "中午", "早上", "周末", "一起", "吃饭", "回家", "老地方", "见面", "爱",
    "想", "生日", "快乐", "妈", "爸", "老公", "老婆", "孩子", "宝贝", "亲", "钱", "快递", "医院", "放学", "上班",
    "下班", "开会", "电影", "好的", "晚安", "早安", "在哪", "到了", "等会", "马上到", "麻烦", "辛苦", "帮忙", "聚会",
    "饭", "家里", "朋友",
]);

#[rustfmt::skip]
static TECHNICAL_WORDS: Stems = Stems::of(&[
    "abort", "aborted", "argument", "assert", "bounds", "broken", "buffer", "callback", "canceled", "cancelled",
    "cannot", "certificate", "channel", "client", "closed", "config", "connect", "connection", "constraint",
    "database", "deadlock", "decode", "denied", "directory", "disconnected", "download", "duplicate", "encode",
    "error", "exceeded", "exception", "expired", "fail", "field", "file", "forbidden", "found", "frame",
    "handshake", "http", "index", "initialized", "interrupted", "invalid", "json", "limit", "loaded", "lock",
    "memory", "missing", "network", "null", "overflow", "packet", "panic", "parameter", "parse", "permission",
    "pipe", "protocol", "queue", "reconnect", "refused", "request", "reset", "response", "retry", "server",
    "service", "session", "signal", "socket", "ssl", "state", "stream", "success", "terminated", "thread", "timed",
    "timeout", "tls", "token", "type", "unable", "unauthorized", "unavailable", "unexpected", "unknown",
    "unreachable", "unsupported", "upload", "value", "version",
]);

#[rustfmt::skip]
const SPOKEN_WORDS: &[&str] = &[
    "i", "you", "my", "your", "me", "we", "us", "he", "she", "him", "her", "i'm", "i'll", "don't", "let's", "please",
    "thanks", "thank", "hi", "hey", "hello", "love", "miss", "tomorrow", "tonight", "today", "dinner", "lunch", "see",
    "meet", "call", "home", "ok", "okay", "lol", "sorry", "happy", "birthday", "mom", "dad", "honey", "baby", "good",
    "night", "morning", "come",
];

/// Words among those that no program says to its user.
#[rustfmt::skip]
const PRIVATE_WORDS: &[&str] = &[
    "i", "i'm", "i'll", "we", "he", "she", "him", "her", "let's", "thanks", "hi", "hey", "love", "miss", "tomorrow", "tonight", "dinner", "lunch",
    "meet", "home", "okay", "lol", "sorry", "birthday", "mom", "dad", "honey", "baby", "night", "morning",
];

/// Whether a text speaks about the working of a program.
pub(super) fn technical(text: &[u8]) -> bool {
    TECHNICAL_HAN.any_in(text) || words(text).any(|word| TECHNICAL_WORDS.begin(word))
}

/// Whether a text speaks as people do.
pub(super) fn spoken(text: &[u8]) -> bool {
    SPOKEN_HAN.any_in(text) || {
        let among = |list: &[&str]| {
            words(text)
                .filter(|w| list.iter().any(|t| w.eq_ignore_ascii_case(t.as_bytes())))
                .count()
        };
        among(PRIVATE_WORDS) >= 1 && among(SPOKEN_WORDS) >= 2
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| !b.is_ascii_alphanumeric() && *b != b'\'')
        .filter(|w| !w.is_empty())
}

/// Beginnings of words, by their first letter.
struct Stems {
    list: &'static [&'static str],
    /// Where the stems of each letter begin in the list, and where the last ones end.
    starts: [u8; 27],
}

impl Stems {
    /// `list` must be in the order of the first letters; a list that is not does not compile.
    const fn of(list: &'static [&'static str]) -> Self {
        let mut starts = [0; 27];
        let (mut letter, mut i) = (0, 0);
        while letter < 26 {
            starts[letter] = i as u8;
            while i < list.len() && list[i].as_bytes()[0] == b'a' + letter as u8 {
                i += 1;
            }
            letter += 1;
        }
        assert!(i == list.len() && i < 256);
        starts[26] = i as u8;
        Self { list, starts }
    }

    /// Whether the word begins with one of the stems and is not much longer: `failed` and `failure` are `fail` too.
    fn begin(&self, word: &[u8]) -> bool {
        let Some(letter) = word
            .first()
            .map(|b| usize::from(b.to_ascii_lowercase().wrapping_sub(b'a')))
            .filter(|&l| l < 26)
        else {
            return false;
        };
        let stems =
            &self.list[usize::from(self.starts[letter])..usize::from(self.starts[letter + 1])];
        stems.iter().any(|stem| {
            word.len() <= stem.len() + 4
                && word
                    .get(..stem.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(stem.as_bytes()))
        })
    }
}
