//! Which texts a program says and which a person says.

use super::phrases::Phrases;

/// Parts of words that programs use about themselves.
#[rustfmt::skip]
static TECHNICAL_HAN: Phrases<254> = Phrases::of(&[
    "失败", "错误", "超时", "异常", "连接", "网络", "服务", "请求", "重试", "为空", "无效", "不能", "无法", "解析",
    "参数", "权限", "断开", "断线", "成功", "加载", "初始化", "数据", "缓存", "线程", "内存", "队列", "版本", "配置",
    "校验", "验证", "返回", "状态", "接口", "协议", "心跳", "登录", "登出", "超出", "不存在", "不支持", "拒绝",
    "中断", "取消", "文件", "系统", "未知", "未找到", "格式", "类型", "字段", "索引", "下载", "上传", "同步", "推送",
    "编码", "解码", "加密", "解密", "签名", "证书", "端口", "进程", "崩溃", "溢出", "越界", "空指针", "死锁", "限流",
    "熔断", "降级", "重连", "握手", "过期", "失效", "非法", "缺失", "冲突", "已满", "不足", "丢弃", "阻塞", "耗时",
    "响应", "调用", "回调", "注册", "注销", "监听", "绑定", "订阅", "渲染", "页面", "按钮", "输入框", "弹窗", "启动",
    "退出", "切换", "前台", "后台", "刷新", "更新", "升级", "安装", "卸载", "数据库", "事务", "插入", "查询", "删除",
    "读取", "写入", "序列", "设置", "模式", "默认", "服务器", "客户端", "完成", "维度", "匹配", "不匹配", "张量",
    "模型", "编译", "链接", "符号", "堆栈", "指针", "句柄", "字节", "字符", "字符串", "数组", "对象", "函数", "方法",
    "变量", "常量", "模块", "组件", "插件", "依赖", "路径", "目录", "分区", "磁盘", "写盘", "落库", "建连", "断连",
    "收包", "发包", "回包", "丢包", "拉取", "上报", "打点", "埋点", "兜底", "灰度", "命中", "预热", "回滚", "提交",
    "合并", "分支", "仓库", "补丁", "构建", "部署", "发布", "测试", "调试", "断言", "日志", "监控", "告警", "指标",
    "采样", "统计", "计数", "阈值", "上限", "下限", "范围", "大小", "长度", "数量", "次数", "时长", "延迟", "抖动",
    "带宽", "吞吐", "速率", "频率", "优先级", "权重", "比例", "精度", "误差", "偏移", "对齐", "坐标系", "分辨率",
    "像素", "码率", "采样率", "编解码", "音频", "视频流", "图像", "纹理", "着色器", "渲染器", "主线程", "子线程",
    "协程", "信号量", "原子", "并发", "并行", "串行", "异步", "轮询", "定时器", "时钟", "时间戳", "时区", "主机",
    "域名", "地址", "路由", "网关", "代理", "防火墙", "端点", "会话数", "令牌", "密钥", "证书链", "加锁", "解锁",
    "引用", "释放", "分配", "回收", "泄漏", "越权", "鉴权", "授权", "未授权",
]);

/// Parts of words that stand on screens: not what a person chose or said.
#[rustfmt::skip]
static INTERFACE_HAN: Phrases<228> = Phrases::of(&[
    "列表", "管理", "头像", "资料", "主页", "名片", "标签", "分组", "申请", "邀请", "通知", "红点", "入口", "推荐",
    "菜单", "首页", "界面", "窗口", "弹层", "引导", "广告", "横幅", "主题", "深色", "浅色", "夜间", "字体", "语言",
    "中文", "英文", "简体", "繁体", "图片", "视频", "语音", "表情", "位置", "相册", "拍照", "扫一扫", "二维码",
    "红包", "支付", "订单", "商品", "购物车", "优惠券", "会员", "积分", "等级", "直播", "朋友圈", "动态", "点赞",
    "评论", "收藏", "分享", "关注", "粉丝", "历史", "记录", "草稿", "回收站", "全部", "未读", "已读", "置顶",
    "免打扰", "静音", "屏蔽", "举报", "新消息", "公众号", "小程序", "频道", "话题", "热门", "最新", "附近",
    "中国移动", "中国联通", "中国电信", "华为", "小米", "荣耀", "三星", "苹果", "魅族", "一加", "联想", "环境",
    "线上", "手势", "信号", "整数", "脚本", "暂停", "首项", "颜色", "公开", "私有", "键盘", "鼠标", "光标", "剪贴板",
    "快捷键", "工具栏", "状态栏", "滚动", "缩放", "旋转", "横屏", "竖屏", "屏幕", "亮度", "音量", "电量", "电池",
    "充电", "省电", "流量", "移动网络", "飞行模式", "蓝牙", "耳机", "扬声器", "麦克风", "摄像头", "闪光灯", "传感器",
    "指纹", "面容", "定位", "导航", "地图", "天气", "日历", "闹钟", "相机", "计算器", "浏览器", "应用", "软件",
    "程序", "账户", "用户名", "密码", "手机号", "验证码", "姓名", "昵称", "身份证", "邮箱", "电话", "性别", "年龄",
    "生日", "单选", "多选", "必填", "可选", "重置", "确认", "确定", "返回", "下一步", "上一步", "保存", "编辑",
    "导入", "导出", "打印", "预览", "帮助", "关于", "反馈", "协议", "隐私", "条款", "声明", "版权", "公告", "活动",
    "任务", "签到", "排行榜", "是否", "或者", "以及", "其中", "所有", "任何", "每个", "当前", "之前", "之后", "以下",
    "以上", "例如", "文档", "表格", "幻灯片", "音乐", "电影", "电子书", "压缩包", "安装包", "附件", "单聊", "群聊",
    "群组", "联系人", "好友", "成员", "会话", "消息", "聊天", "通话", "接听", "挂断", "来电", "去电", "未接", "录音",
    "录像", "截屏", "投屏", "类型",
]);

/// Parts of words that people use when they speak to each other.
#[rustfmt::skip]
static SPOKEN_HAN: Phrases<178> = Phrases::of(&[
    "我", "你", "您", "他", "她", "咱", "吗", "吧", "呢", "啊", "哦", "哈", "嗯", "呀", "啦", "嘛", "谢谢", "明天",
    "今天", "今晚", "晚上", "下午", "上午", "中午", "早上", "周末", "一起", "吃饭", "回家", "老地方", "见面", "爱",
    "想", "生日", "快乐", "妈", "爸", "老公", "老婆", "孩子", "宝贝", "亲", "钱", "快递", "医院", "放学", "上班",
    "下班", "开会", "电影", "好的", "晚安", "早安", "在哪", "到了", "等会", "马上到", "麻烦", "辛苦", "帮忙", "聚会",
    "饭", "家里", "朋友", "记得", "别忘", "帮我", "给我", "跟我", "等我", "叫我", "告诉", "收到请", "老板", "老师说",
    "同学", "作业", "房租", "工资", "航班", "改签", "堵车", "晚点", "婚礼", "伴娘", "结婚", "离婚", "怀孕", "住院",
    "药", "看病", "医生", "学校", "幼儿园", "接孩子", "奶奶", "爷爷", "外婆", "弟弟", "姐姐", "妹妹", "哥哥", "叔叔",
    "阿姨", "哥们", "姐妹", "亲爱", "宝宝", "么么哒", "哈哈", "呵呵", "嘻嘻", "呜呜", "好吃", "火锅", "奶茶", "咖啡",
    "超市", "买菜", "做饭", "外卖", "快到", "到家", "出门", "回来", "路上", "门口", "冰箱", "下雨", "太阳", "天气好",
    "旅游", "机票", "酒店", "车票", "高铁", "地铁", "打车", "停车", "加油", "借钱", "还钱", "转账给", "红包", "收下",
    "谢", "对不起", "不好意思", "没关系", "恭喜", "祝", "新年", "春节", "中秋", "节日", "了没", "好不好", "行不行",
    "可不可以", "去不去", "要不要", "是不是", "怎么办", "为什么", "什么时候", "多少钱", "几点", "哪里", "哪儿",
    "聚餐", "答应", "喜欢", "讨厌", "生气", "开心", "难过", "累", "困",
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

/// Whether a text names a part of a program that its user sees.
pub(super) fn interface(text: &[u8]) -> bool {
    INTERFACE_HAN.any_in(text)
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
