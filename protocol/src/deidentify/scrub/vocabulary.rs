//! Which texts a program says and which a person says.

use super::view::holds;

/// Parts of words that programs use about themselves.
#[rustfmt::skip]
const TECHNICAL_HAN: &[&str] = &[
    "失败", "错误", "超时", "异常", "连接", "网络", "服务", "请求", "重试", "为空", "无效", "不能", "无法", "解析",
    "参数", "权限", "断开", "断线", "成功", "加载", "初始化", "数据", "缓存", "线程", "内存", "队列", "版本", "配置",
    "校验", "验证", "返回", "状态", "接口", "协议", "心跳", "登录", "登出", "超出", "不存在", "不支持", "拒绝",
    "中断", "取消", "文件", "系统", "未知", "未找到", "格式", "类型", "字段", "索引", "下载", "上传", "同步", "推送",
    "编码", "解码", "加密", "解密", "签名", "证书", "端口", "进程", "崩溃", "溢出", "越界", "空指针", "死锁", "限流",
    "熔断", "降级", "重连", "握手", "过期", "失效", "非法", "缺失", "冲突", "已满", "不足", "丢弃", "阻塞", "耗时",
    "响应", "调用", "回调", "注册", "注销", "监听", "绑定", "订阅", "渲染", "页面", "按钮", "输入框", "弹窗", "启动",
    "退出", "切换", "前台", "后台", "刷新", "更新", "升级", "安装", "卸载", "数据库", "事务", "表", "插入", "查询",
    "删除", "读取", "写入", "序列", "设置", "模式", "默认", "服务器", "客户端",
];

/// Parts of words that people use when they speak to each other.
#[rustfmt::skip]
const SPOKEN_HAN: &[&str] = &[
    "我", "你", "您", "他", "她", "咱", "吗", "吧", "呢", "啊", "哦", "哈", "嗯", "呀", "啦", "嘛", "谢谢", "明天",
    "今天", "今晚", "晚上", "下午", "上午", "中午", "早上", "周末", "一起", "吃饭", "回家", "老地方", "见面", "爱",
    "想", "生日", "快乐", "妈", "爸", "老公", "老婆", "孩子", "宝贝", "亲", "钱", "快递", "医院", "放学", "上班",
    "下班", "开会", "电影", "好的", "晚安", "早安", "在哪", "到了", "等会", "马上到", "麻烦", "辛苦", "帮忙", "聚会",
    "饭", "家里", "朋友",
];

#[rustfmt::skip]
const TECHNICAL_WORDS: &[&str] = &[
    "error", "fail", "timeout", "timed", "connection", "connect", "refused", "invalid", "null", "exception", "closed",
    "reset", "denied", "found", "unable", "cannot", "unexpected", "missing", "overflow", "broken", "pipe", "socket",
    "server", "client", "network", "request", "response", "retry", "database", "constraint", "file", "directory",
    "permission", "thread", "memory", "index", "bounds", "buffer", "decode", "encode", "parse", "json", "http", "tls",
    "ssl", "handshake", "certificate", "expired", "unauthorized", "forbidden", "unavailable", "disconnected",
    "session", "token", "protocol", "version", "unsupported", "argument", "parameter", "value", "field", "type",
    "state", "stream", "packet", "frame", "channel", "queue", "lock", "deadlock", "panic", "abort", "signal",
    "assert", "unreachable", "aborted", "cancelled", "canceled", "terminated", "interrupted", "success", "loaded",
    "initialized", "service", "unknown", "duplicate", "limit", "exceeded", "config", "callback", "upload", "download",
    "reconnect",
];

#[rustfmt::skip]
const SPOKEN_WORDS: &[&str] = &[
    "i", "you", "my", "your", "me", "we", "us", "he", "she", "him", "her", "i'm", "i'll", "don't", "let's", "please",
    "thanks", "thank", "hi", "hey", "hello", "love", "miss", "tomorrow", "tonight", "today", "dinner", "lunch", "see",
    "meet", "call", "home", "ok", "okay", "lol", "sorry", "happy", "birthday", "mom", "dad", "honey", "baby", "good",
    "night", "morning", "come",
];

/// Whether a text speaks about the working of a program.
pub(super) fn technical(text: &[u8]) -> bool {
    TECHNICAL_HAN.iter().any(|w| holds(text, w.as_bytes()))
        || words(text).any(|w| TECHNICAL_WORDS.iter().any(|t| starts_like(w, t)))
}

/// Whether a text speaks as people do.
pub(super) fn spoken(text: &[u8]) -> bool {
    SPOKEN_HAN.iter().any(|w| holds(text, w.as_bytes()))
        || words(text)
            .filter(|w| {
                SPOKEN_WORDS
                    .iter()
                    .any(|t| w.eq_ignore_ascii_case(t.as_bytes()))
            })
            .count()
            >= 2
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| !b.is_ascii_alphabetic() && *b != b'\'')
        .filter(|w| !w.is_empty())
}

/// `failed` and `failure` are `fail` too.
fn starts_like(word: &[u8], stem: &str) -> bool {
    word.len() <= stem.len() + 4
        && word
            .get(..stem.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(stem.as_bytes()))
}
