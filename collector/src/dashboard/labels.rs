//! The closed lists of the wire in words for people. A word that is added to a list and not here does not compile.

use super::words::Lang;
use crate::access::{self, Scope};
use crate::alerts::alert::Rule;
use crate::privacy::audit::Did;
use crate::privacy::holds::Standing;
use crate::privacy::requests::{Right, Role, Stage};
use crate::privacy::settings::Class;
use candor_protocol::catalogue::Extra;
use candor_protocol::report::{
    Activity, Disconnect, Exit, Failure, Family, Fault, Found, FreezeEnd, Kind, Level, LossReason,
    Network, Note, Origin, Phase, Pressure, SignalName, StackEnd, Transport, Wait,
};
use candor_symbols::Owner;

/// A word of a closed list, for people.
pub(crate) trait Label: Copy {
    /// What it is called.
    fn label(self, lang: Lang) -> &'static str;
}

macro_rules! labels {
    ($($list:ty { $($word:ident: $en:literal, $zh:literal;)+ })+) => {
        $(impl Label for $list {
            fn label(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$word, Lang::En) => $en, (Self::$word, Lang::Zh) => $zh,)+
                }
            }
        })+
    };
}

labels! {
    access::Role {
        Viewer: "Viewer", "查看者";
        Triager: "Triager", "处理者";
        Admin: "Admin", "管理员";
    }
    Rule {
        NewIssue: "New issue", "新问题";
        Regression: "Regression", "问题重现";
        CrashFree: "Crash-free runs", "无崩溃运行";
        Spike: "Spike", "突增";
        Connection: "Connection success", "连接成功率";
        Quarantine: "Quarantine", "隔离";
        Silence: "No reports stored", "没有存入报告";
        Test: "Test", "测试";
    }
    Scope {
        Read: "Aggregates", "汇总数据";
        Reports: "Single reports", "单份报告";
        Triage: "States of issues", "问题状态";
        Symbols: "Adding symbol files", "添加符号文件";
        Admin: "Everything", "全部";
    }
    Kind {
        Crash: "Crashes", "崩溃";
        Freeze: "Freezes", "卡顿";
        Run: "Runs", "运行";
        Loss: "Losses", "丢失";
        Connection: "Connection windows", "连接时段";
    }
    Extra {
        Breadcrumbs: "what the app did before", "此前的操作";
        Foreground: "whether it was in the foreground", "是否在前台";
        Usage: "memory and open files", "内存与打开的文件";
    }
    Exit {
        Clean: "Clean", "正常退出";
        Crash: "Crashed", "崩溃";
        FreezeKill: "Killed while frozen", "卡顿中被终止";
        OutOfMemory: "Out of memory", "内存不足";
        Killed: "Killed", "被终止";
        Reboot: "Reboot or power loss", "重启或断电";
        Updated: "Updated", "更新";
        Unknown: "Unknown", "未知";
    }
    Level {
        Hang: "Hang", "卡顿";
        NotResponding: "Not responding", "无响应";
    }
    LossReason {
        SpoolFull: "device store full", "设备存储已满";
        TooOld: "too old", "过期";
        Capped: "too many at once", "短时过多";
        Disk: "disk refused", "磁盘拒绝";
        Refused: "refused by the collector", "被采集端拒绝";
        TooLarge: "too large", "过大";
        Damaged: "damaged on disk", "磁盘上损坏";
    }
    Network {
        Unknown: "Not told", "未知";
        None: "None", "无网络";
        Wifi: "Wi-Fi", "Wi-Fi";
        Ethernet: "Cable", "有线";
        Cell2g: "2G", "2G";
        Cell3g: "3G", "3G";
        Cell4g: "4G", "4G";
        Cell5g: "5G", "5G";
        Cell: "Mobile", "移动网络";
    }
    Transport {
        Tcp: "TCP", "TCP";
        Tls: "TLS", "TLS";
        WebSocket: "WebSocket", "WebSocket";
        Http: "HTTP", "HTTP";
        Quic: "QUIC", "QUIC";
    }
    Family {
        V4: "IPv4", "IPv4";
        V6: "IPv6", "IPv6";
    }
    Phase {
        Resolve: "Resolve", "域名解析";
        Connect: "Connect", "建立连接";
        Tls: "TLS", "TLS 握手";
        Login: "Login", "登录";
        FirstByte: "First byte", "首字节";
    }
    Failure {
        Timeout: "timeout", "超时";
        Refused: "refused", "被拒绝";
        Reset: "reset", "被重置";
        Unreachable: "unreachable", "不可达";
        ResolveFailed: "name not resolved", "解析失败";
        TlsFailed: "TLS failed", "TLS 失败";
        AuthRefused: "credentials refused", "凭证被拒";
        Protocol: "protocol", "协议错误";
        ClosedByPeer: "closed by peer", "对端关闭";
        Cancelled: "cancelled", "已取消";
        Backgrounded: "app in background", "进入后台";
        NetworkChanged: "network changed", "网络切换";
        Local: "local", "本机原因";
        Overloaded: "server overloaded", "服务过载";
        Other: "other", "其他";
    }
    Disconnect {
        ClosedByUs: "closed by us", "主动关闭";
        ClosedByPeer: "closed by peer", "对端关闭";
        Reset: "reset", "被重置";
        Timeout: "timeout", "超时";
        HeartbeatTimeout: "heartbeat unanswered", "心跳超时";
        AckTimeout: "messages unacknowledged", "消息未确认";
        NetworkChanged: "network changed", "网络切换";
        NetworkLost: "network lost", "网络丢失";
        Backgrounded: "app in background", "进入后台";
        Protocol: "protocol", "协议错误";
        Kicked: "signed in elsewhere", "异地登录";
        AuthExpired: "credentials expired", "凭证过期";
        Replaced: "replaced by a better one", "被更优连接取代";
        Suspended: "device slept", "设备休眠";
        ServerShutdown: "server shutdown", "服务端停机";
        TlsFailed: "TLS failed", "TLS 失败";
        Local: "local", "本机原因";
        Dropped: "dropped without a reason", "未说明原因";
        Other: "other", "其他";
    }
    FreezeEnd {
        Recovered: "went on", "恢复";
        Exited: "exited while frozen", "卡顿中退出";
        Killed: "killed while frozen", "卡顿中被终止";
    }
    Activity {
        Running: "running", "计算中";
        Blocked: "blocked", "阻塞";
        Unknown: "not known", "未知";
    }
    Wait {
        Futex: "waiting for a lock", "等待锁";
        Read: "waiting to read", "等待读取";
        Write: "waiting to write", "等待写入";
        Poll: "waiting for input", "等待输入";
        Sleep: "sleeping", "休眠";
        Connect: "waiting for a connection", "等待连接";
        Disk: "waiting for the disk", "等待磁盘";
        Child: "waiting for another process", "等待其他进程";
        PageFault: "waiting for memory", "等待内存换入";
        Other: "in another system call", "处于其他系统调用";
    }
    Fault {
        None: "no address", "无地址";
        NullLike: "null pointer", "空指针";
        StackGuard: "stack overflow", "栈溢出";
        Unmapped: "unmapped memory", "未映射内存";
        NotWritable: "memory that cannot be written", "不可写内存";
        NotExecutable: "memory that cannot be executed", "不可执行内存";
        Other: "other address", "其他地址";
    }
    SignalName {
        Segv: "invalid memory access", "非法内存访问";
        Bus: "memory without backing", "内存无后备";
        Fpe: "arithmetic fault", "算术错误";
        Ill: "invalid instruction", "非法指令";
        Abrt: "the process ended itself", "进程自行中止";
        Trap: "break point", "断点";
        Sys: "forbidden system call", "被禁止的系统调用";
    }
    Note {
        Unfinished: "The process died while the record was being written.", "写入记录时进程已终止。";
        Damaged: "A part of the record is damaged.", "部分记录已损坏。";
        ThreadsLeftOut: "More threads ran than fit.", "线程过多，未全部记录。";
        ModulesLeftOut: "More modules were loaded than fit.", "模块过多，未全部记录。";
        CrumbsLeftOut: "The process died before the names of some breadcrumbs were noted; those are left out.", "进程终止时部分面包屑的名称尚未登记，未予显示。";
    }
    Origin {
        Kernel: "the kernel, because of what the thread did", "内核，由线程的行为引起";
        Itself: "the process itself", "进程自身";
        User: "another process", "其他进程";
    }
    Pressure {
        Low: "less than half used", "已用不足一半";
        Medium: "half to 80 % used", "已用 50 % 至 80 %";
        High: "80 to 95 % used", "已用 80 % 至 95 %";
        Critical: "more than 95 % used", "已用超过 95 %";
    }
    StackEnd {
        Unfinished: "The process died while this stack was being followed.", "回溯此栈时进程已终止。";
        Lost: "No caller could be found beyond this point.", "此处之外找不到调用者。";
        Limit: "The limit of frames or time was reached here.", "已达到栈帧数或时间上限。";
    }
    Found {
        Context: "where the thread was", "线程所在处";
        Interrupted: "where a signal interrupted", "被信号中断处";
        Cfi: "by unwind tables", "由展开表得出";
        FramePointer: "by frame pointers", "由帧指针得出";
        Scan: "a guess: a word on the stack that looked like a return address", "推测：栈上形似返回地址的值";
    }
    Right {
        Access: "to know what is kept", "查阅";
        Copy: "a copy", "复制";
        Correct: "a correction", "更正";
        Supplement: "an addition", "补充";
        Delete: "erasure", "删除";
        Withdraw: "to take consent back", "撤回同意";
        Explain: "an explanation", "解释说明";
    }
    Role {
        Person: "the person", "本人";
        Guardian: "a guardian", "监护人";
    }
    Stage {
        Open: "open", "待处理";
        Answered: "answered", "已答复";
        Refused: "refused", "已拒绝";
    }
    Class {
        Crash: "reports of crashes", "崩溃报告";
        Freeze: "reports of freezes", "卡顿报告";
        Run: "reports of runs", "运行报告";
        Loss: "reports of losses", "丢失报告";
        Connection: "reports of connections", "连接报告";
        Summaries: "summaries", "汇总数据";
        Ledger: "the account of reports", "报告台账";
        Quarantine: "counts of what was not kept", "未保存内容的计数";
        Exports: "exports", "对外提供的统计";
        Audit: "audit trail, receipts, requests", "审计记录、回执与请求";
    }
    Did {
        ReportRead: "read a report", "查看单份报告";
        CopyGiven: "gave a copy", "提供副本";
        Exported: "exported", "对外提供统计";
        Erased: "erased", "删除";
        Expired: "forgot what was too old", "到期清除";
        TrailExpired: "forgot old months of this trail", "清除到期的审计月份";
        SettingChanged: "changed a setting", "更改设置";
        AppAdded: "added an app", "添加应用";
        KeyAdded: "added an ingest key", "添加接入密钥";
        KeyEnded: "ended an ingest key", "停用接入密钥";
        PartnerAdded: "added a partner", "添加合作方";
        RequestChanged: "handled a request", "处理请求";
        HoldChanged: "changed a legal hold", "更改法定保全";
        RegionRefused: "was refused for its region", "因区域被拒绝";
        SunsetSigned: "announced the end", "宣布服务终止";
        SignedIn: "signed in", "登录";
        SignInRefused: "could not sign in", "登录被拒绝";
        PersonChanged: "changed a person", "更改人员";
        TokenChanged: "changed a token", "更改令牌";
        IssueChanged: "changed an issue", "更改问题";
    }
    Standing {
        Asked: "waits for a second person", "待第二人批准";
        InForce: "in force", "生效中";
        Over: "over", "已结束";
    }
    Owner {
        App: "app", "应用";
        Library: "library", "第三方库";
        Runtime: "runtime", "运行时";
        System: "system", "系统";
    }
}
