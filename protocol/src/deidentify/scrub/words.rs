//! Words that say what stands beside them: `phone`, `from_uid`, `X-Device-Name`, `手机号`, and those that say the opposite,
//! such as `rx_bytes` or `sha256`.
//!
//! A name is read from its end, because the last word of a name says what it is: `user_phone` is a phone and `phone_count`
//! is a count. The longest ending that is known decides, so `file_name` is not a `name`.

/// What a word says about the value beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Phone,
    Email,
    IdCard,
    Passport,
    TaxId,
    Card,
    Plate,
    Address,
    Birth,
    Geo,
    /// The name of a person.
    Person,
    /// The name of anything.
    Name,
    Nick,
    Group,
    /// What somebody wrote.
    Message,
    /// What a program or somebody wrote.
    Note,
    /// What somebody looks for.
    Query,
    /// An account of the service.
    Account,
    /// The other side of something, such as `from` and `to`.
    Peer,
    /// A user, as a name or a number.
    User,
    /// An of whatever the structure is about.
    Id,
    Conversation,
    Social,
    Ip,
    Mac,
    Ssid,
    Host,
    Device,
    DeviceId,
    Uuid,
    Imei,
    Imsi,
    Iccid,
    Push,
    Password,
    /// A secret that a machine made.
    Token,
    /// A short code that was sent to somebody.
    Code,
    Cookie,
    Blob,
    File,
    /// A number that measures or counts.
    Metric,
    /// The digest of something public, or the identity of a binary.
    Digest,
    /// A version of software.
    Version,
    /// Nothing that identifies anybody.
    Plain,
}

use Class::*;

const KEYS: &[(Class, &str)] = &[
    (
        Phone,
        "phone mobile tel telephone cellphone cell msisdn phonenumber phoneno phonenum mobilephone mobilenumber mobileno \
        telno telnumber contactnumber contactphone callee caller callerid dialed dial fax faxno phones mobiles userphone usermobile usertel \
        linenumber sms smsto landline homephone workphone whatsapp \
        手机 手机号 手机号码 手机尾号 电话 电话号 电话号码 联系电话 联系方式 座机 固话 传真 热线 来电 去电 拨打 呼叫 被叫 主叫 号码 移动电话 预留手机 绑定手机 短信 致电 回拨",
    ),
    (
        Email,
        "email mail emailaddress mailto useremail mailaddress mailbox 邮箱 电子邮箱 电子邮件 邮件 邮箱地址",
    ),
    (
        IdCard,
        "idcard idcardno idcardnumber idno identitycard identityno certno certificateno certnum credentialno citizenid nationalid ssn socialsecuritynumber \
        idnumber identitynumber shenfenzheng sfz \
        身份证 身份证号 身份证号码 证件号 证件号码 居民身份证 公民身份号码 身份号码 社保号 社会保障号 社保卡号 医保号 身份证件",
    ),
    (
        Passport,
        "passport passportno passportnumber mrz traveldocument 护照 护照号 护照号码 证件 通行证 港澳通行证 台胞证 回乡证 旅行证件 军官证 军官证号",
    ),
    (
        TaxId,
        "uscc taxid taxno taxnumber creditcode unifiedcode taxpayerid 税号 信用代码 统一社会信用代码 社会信用代码 纳税人识别号 营业执照 营业执照号 组织机构代码",
    ),
    (
        Card,
        "card bankcard cardno cardnumber cardnum bankaccount bankcardno pan creditcard debitcard accountno accountnumber iban payaccount \
        银行卡 银行卡号 卡号 储蓄卡 信用卡 借记卡 账户号 银行账号 银行账户 收款账号 付款账号 对公账户",
    ),
    (
        Plate,
        "plate plateno platenumber licenseplate carno vehicleno carplate 车牌 车牌号 车牌号码 牌照 车号 号牌",
    ),
    (
        Address,
        "address homeaddress shippingaddress deliveryaddress billingaddress postaladdress street useraddress fulladdress detailaddress receiveraddress consigneeaddress \
        地址 住址 收货地址 家庭住址 家庭地址 收件地址 联系地址 通讯地址 详细地址 户籍地址 户籍 居住地 居住地址 公司地址 寄件地址 送货地址 现住址 位于 配送至 送至 寄往 所在地",
    ),
    (
        Birth,
        "dob birth birthday birthdate dateofbirth bday birthdt userbirthday 生日 出生日期 出生 出生年月 出生年月日 生于 出生于",
    ),
    (
        Geo,
        "lat lng lon latitude longitude location coord coords coordinate coordinates gps latlng lnglat latlon lonlat geo geopoint position \
        经度 纬度 经纬度 坐标 定位 位置 gps坐标",
    ),
    (
        Person,
        "realname fullname truename legalname personname contactname customername receivername sendername username_real givenname surname firstname lastname middlename familyname \
        patient patientname studentname passenger passengername driver drivername cardholder holder holdername accountname payee payer payeename payername consignee consigneename recipient recipientname \
        receivername shipper beneficiary applicant guardian guardianname employee employeename staffname contactperson ownername authorname lastcontact emergencycontact assignee assigneename reviewer \
        姓名 真实姓名 联系人 收件人 寄件人 收货人 发货人 发件人 持卡人 开户名 户名 申请人 经办人 法人 法定代表人 负责人 监护人 乘客 司机 骑手 患者 病人 学生 学员 家长 老师 员工 客户 客户姓名 顾客 会员姓名 \
        用户姓名 紧急联系人 投保人 被保人 受益人 借款人 担保人 付款人 收款人 尊敬的 亲爱的 您好 你好 名叫 叫做 名字 签收人 代收人 审批人 操作人 操作员 处理人 接待人 值班人 登记人 实名 实名人 证件姓名 候选人 面试者 当事人 车主 业主 房东 租客 班主任 主讲人 主持人 参会人 联络人 同事 好友 朋友 群主 管理员 成员 对方 发信人 收信人 通知人 邀请人 被邀请人 推荐人",
    ),
    (Name, "name title label displaytitle 名称 标题"),
    (
        Nick,
        "nick nickname nickame displayname screenname alias remarkname remark usernick usernickname showname fromnick sendernick peername peernick friendname fromname toname membername username_display groupnick namecard groupcard \
        contactalias pushname vcardname sendernickname groupnickname mentioned mention \
        昵称 备注 备注名 群昵称 群名片 网名 显示名 展示名 用户昵称 对方昵称 好友昵称 好友备注 别名 花名 艾特 个性签名 签名档",
    ),
    (
        Group,
        "group groupname grpname teamname roomname chatname convname conversationname conversationtitle channelname chattitle grouptitle chatroom chatroomname topicname groupsubject threadtitle sessionname sessiontitle convtitle \
        群 群聊 群名 群名称 群组 群组名 群组名称 讨论组 会话名 会话名称 群标题 聊天室 频道 频道名 圈子 社群 会话标题 房间名 团队 团队名称 群会话",
    ),
    (
        Message,
        "content text body msgcontent msgtext msgbody messagecontent messagetext messagebody plaintext draft quote quotetext quoted reply replytext caption comment input typed clipboard paste pasted pastedata \
        cliptext utterance transcript lastmsg lastmessage preview snippet subject signature_text bio intro selfintro signaturetext selfsignature notificationtext alert msgpreview digesttext summary_text ocr ocrtext asr asrresult ocrresult transcription rawtext sendtext chattext textcontent sticker elemtext richtext \
        内容 消息内容 正文 草稿 留言 评论 回复 引用 撤回 粘贴 剪贴板 文本 聊天内容 短信内容 私信 语音转文字 摘要 消息正文 最后一条消息 最近消息 输入 说 写道 发言 文案 反馈 公告 群公告 消息文本 识别结果 命中 敏感词 敏感词命中 敏感内容 违规内容 语音内容 翻译 转写 asr结果 译文 原文 弹幕",
    ),
    (
        Note,
        "message msg reason desc description detail details info note error err errmsg tip hint toast data value val args arg param params payloadtext notice result 消息 原因 描述 说明 备考 提示 弹窗",
    ),
    (
        Query,
        "query keyword keywords search searchtext searchword searchkey q wd kw term searchquery 搜索 关键词 搜索词 关键字 查找 检索",
    ),
    (
        Account,
        "uid userid useruid openid unionid accountid acctid memberid customerid clientid_user imid imuid fromuid touid fromuserid touserid senderid senderuid receiverid recipientid ownerid ownerid creatorid authorid operatorid \
        opuid peerid peeruid targetuid targetuserid targetid friendid friendid contactid fromid toid fromaccount toaccount selfid selfuid myuid loginid loginuser openimid openuserid identifier useridentifier hostuid inviterid inviteeid memberuid \
        userids uids memberids members memberlist participants userlist accounts employeeid staffid studentid playerid roleid openkfid visitorid puid muid suid ruid secuid userno usernumber uin useruin fromuin touin atuserids atuserlist mentionuserids atlist blockuser \
        用户id 用户编号 用户号 账号 帐号 账号id 账户 账户id 会员号 会员id 会员编号 工号 学号 员工号 对方id 发送者id 接收者id 成员id 好友id 群主id 主播id 登录账号 用户标识 发送方id 接收方id",
    ),
    (
        Peer,
        "identifier sub principal subjectid from to sender receiver recver peer op operator target owner creator author inviter invitee kicker member members friend contact self me fromuser touser senderinfo opuser actor initiator participant follower followee caller_id callee_id admin \
        发送者 接收者 发送方 接收方 发送人 接收人 来自 发给 发往 目标 操作者 创建者 邀请者 被踢者 主播 发起人 发起者",
    ),
    (
        User,
        "user username usrname login loginname account acct logname userprincipalname sudouser osuser owneruser runas whoami useraccount useracct accname dbuser usr member_name uname ruser euser \
        用户 用户名 登录名 登录用户 当前用户 系统用户 会员 账户名 账号名",
    ),
    (Id, "id 标识 编号"),
    (
        Conversation,
        "conv convid conversation conversationid cid chatid dialogid sessionconv groupid groupids grpid roomid channelid threadconv chatroomid convshortid conversationshortid peerconv topicid gid roomno teamid talkid toconv imgroupid groupcode groupno \
        会话 会话id 群id 群号 群组id 房间号 房间id 会话标识 聊天id 群聊id",
    ),
    (
        Social,
        "qq qqno qqnumber wechat weixin wxid weixinid wechatid wx weibo weiboid douyin douyinid alipay alipayid alipayaccount telegram telegramid line lineid skype skypeid facebook twitter instagram dingtalk dingtalkid feishu openqq qqnum \
        qq号 qq号码 qq群 qq群号 微信 微信号 微信id 微博 抖音号 抖音 支付宝 支付宝账号 钉钉号 钉钉 小红书号 快手号 飞书",
    ),
    (
        Ip,
        "ip ipaddr ipaddress clientip remoteip peerip remoteaddr clientaddr serverip localip srcip dstip publicip lanip wanip xrealip gateway ipv4 ipv6 客户端ip 地址ip ip地址",
    ),
    (
        Mac,
        "mac macaddr macaddress bssid wifimac hwaddr hwaddress btmac bdaddr ether physicaladdress bluetoothaddress mac地址 物理地址 蓝牙地址 网卡地址",
    ),
    (
        Ssid,
        "network ssid wifissid wifiname wlanname apname essid networkname hotspot hotspotname wifi wlan 无线网 无线网络 热点 热点名 热点名称 wifi名 wifi名称 wifi热点 路由器",
    ),
    (
        Host,
        "host hostname computername machinename nodename pcname workstation workstationname computer machine netbiosname localhostname myhostname servername_local 主机 主机名 计算机名 电脑名 机器名 主机名称 电脑名称 计算机名称",
    ),
    (
        Device,
        "devicename phonename bluetoothname btname devname xdevicename friendlyname bledevice airdrop devicelabel ownerdevice devicealias terminalname pairedwith paireddevice btdevice headsetname carname 设备名 设备名称 蓝牙名称 蓝牙设备 手机名称 终端名称 蓝牙 蓝牙耳机 投屏设备 已配对设备",
    ),
    (
        DeviceId,
        "deviceid androidid oaid vaid aaid gaid idfa idfv adid udid serial serialno serialnumber sn hardwareserial machineid hwid hardwareid installid installationid clientuuid deviceuuid deviceuid deviceserial devid did ssaid advertisingid advertisingidentifier vendorid identifierforvendor guid fingerprintid terminalid diskserial boardserial cpuserial uniqueid productuuid \
        clientdeviceid devicetoken_id widevineid mediadrmid drmid btserial imeisv deviceidentifier installuuid 设备号 设备id 设备标识 设备标识符 序列号 设备序列号 硬件序列号 机器码 设备码 设备指纹 安卓id 广告标识符 终端号",
    ),
    (Uuid, "uuid useruuid"),
    (Imei, "imei imei1 imei2 meid imeino 串号 设备串号 手机串号"),
    (Imsi, "imsi imsi1 imsi2 subscriberid"),
    (
        Iccid,
        "iccid simserial simserialnumber simid simno iccid1 simiccid sim卡号 sim卡",
    ),
    (
        Push,
        "pushtoken devicetoken apnstoken fcmtoken registrationid regid pushid apnsdevicetoken hmstoken xiaomiregid jpushid getuicid regtoken registrationtoken pushregid voiptoken hmspushtoken oppotoken vivotoken mipushid 推送token 推送令牌",
    ),
    (
        Password,
        "password passwd pwd passphrase passcode passwordhash oldpassword newpassword userpassword userpwd loginpwd pass pswd psw passwrd dbpassword pgpassword mysqlpwd wifipassword psk wpapsk secretanswer \
        密码 口令 登录密码 支付密码 旧密码 新密码 原密码 初始密码 wifi密码",
    ),
    (
        Token,
        "token accesstoken refreshtoken idtoken authtoken sessiontoken usertoken bearertoken apitoken authorization auth secret clientsecret appsecret secretkey secretid apikey accesskey accesskeyid accesskeysecret secretaccesskey awssecretaccesskey awsaccesskeyid privatekey encryptkey aeskey signkey credential credentials usersig sig signature sign xamzsignature xamzcredential xamzsecuritytoken \
        securitytoken ossaccesskeyid ticket jsticket sessionkey sessionsecret csrf csrftoken xsrftoken xcsrftoken xxsrftoken authkey appkey masterkey proxyauthorization xauthtoken xapikey sessionticket logintoken temptoken ststoken imtoken rongtoken jwt bearer webhook webhookkey nonce_str paysign signaturekey hmac authcode oauthcode oauthtoken authorizationcode clientassertion codeverifier samlresponse assertion connectionstring sharedaccesskey accountkey sas sharedaccesssignature encryptionkey decryptkey dbkey sqlcipherkey \
        令牌 密钥 签名 票据 凭证 访问令牌 私钥 会话密钥 授权码",
    ),
    (
        Code,
        "otp captcha smscode verifycode verificationcode vcode authpin pincode pin checkcode totp mfacode twofactorcode invitecode 验证码 短信验证码 校验码 动态码 动态口令 取件码 邀请码 提取码",
    ),
    (
        Cookie,
        "cookie setcookie session sessionid sid jsessionid phpsessid sessid ssid_session connectsid ttwid passporttoken sessionidss uidtt sidtt sidguard odintt csrfsessionid sessionkeyid 会话密文",
    ),
    (
        Blob,
        "payload rawdata base64 b64 blob rawbody encoded encodedbody ciphertext hexdump hexdata bodybase64 pb pbdata protobuf frame_data extradata extinfo datab64 载荷 负载 密文 原始数据",
    ),
    (
        File,
        "file filename filepath path attachment attachmentname docname document download upload savedas fname filetitle 文件 文件名 附件 附件名 文档 附件名称 文件名称",
    ),
    (
        Metric,
        "byte bytes count cnt offset size len length ns us ms sec secs second seconds seq sequence sequenceid seqid seqno ts time timestamp epoch nanos nanosecond nanoseconds micros microseconds millis milliseconds cost duration elapsed latency rtt total sum rx tx mem memory rss heap \
        capacity cap limit quota max min avg mean addr pc sp lr fp code errno errcode status statuscode port pid tid ppid gid_os line col column row rev revision idx index slot page block sector inode ino fd cursor pos clock tick ticks mono monotonic uptime deadline expires expiry expire exp iat nbf ttl timeout since until \
        seed flags flag mask bits rate bps bandwidth freq frequency hz gen generation lsn txid xid priority ssrc pts dts frame frames samples cseq retries retry attempt attempts level ratio score weight height width quality usage used free avail available processed delta diff drift jitter skew \
        rxbytes txbytes filesize starttime endtime createtime updatetime boottime createdat updatedat sendtime servertime localtime clienttime msgtime lasttime begintime walltime cputime utime stime vsize rsscount watermark readseq maxseq minseq convseq msgseq localseq serverseq lastseq ackseq syncseq syncoffset position_ms budget threshold numbytes nbytes rightlen actuallen \
        counter balance amount price fee candidate ufrag mtu mss cwnd window dropped lost skipped ack vsync intendedvsync bytesreceived bytessent bytesin bytesout bytesread byteswritten bytestotal totalbytes totalrx totaltx msgseqid blocks contentrange prio weightsum faults objects ranges vruntime evicted hits misses depth instance n fromseq toseq startseq endseq fromoffset tooffset \
        字节 大小 偏移 偏移量 序号 耗时 时间 时间戳 长度 数量 次数 总数 端口 错误码 行 列 进程 线程 内存 容量 上限 计数 流量 累计 共 第 游标 时钟 纳秒 毫秒 微秒 进度 版本 版本号 起始 结束 共计 总计 剩余 已用 发送字节 水位 步长 消息序号 内存地址 地址空间 基址 超过 阈值 限制 速率 余额 金额",
    ),
    (
        Digest,
        "sha sha1 sha256 sha512 sha384 md5 blake2 blake3 xxhash digest hash checksum crc crc32 buildid gnubuildid debugid dsym codeid imageuuid commit gitsha rev_hash etag ifnonematch ifmatch traceid spanid parentspanid requestid reqid xrequestid correlationid correlation logid tracelogid traceparent contenthash filehash sha256sum md5sum sum256 \
        bundleuuid moduleid codesign cdhash integrity lcuuid symbols debugfile dwarf image slice binary tree blobid oid gitcommit revisionhash certfingerprint certsha fingerprint spki pinsha256 sha256fingerprint kid x5t identhash crashid reportid eventid errorid incidentid buildfingerprint uuid_dsym \
        摘要 哈希 校验和 指纹 构建号 提交 镜像 追踪id 请求id 日志id 报告id 校验值",
    ),
    (
        Version,
        "version ver v appversion osversion sdkversion release build firmware fw os kernel harmonyos emui miui coloros originos funtouch oneui flyme hyperos magicos realmeui oxygenos android ios ipados macos windows win linux chrome chromium edge edg safari opera opr firefox applewebkit webkit webview micromessenger mqqbrowser ucbrowser crios fxios electron node v8 openssl boringssl ffmpeg vulkan opengl driver ndk gradle agp \
        net dotnet nvidia mesa directx qt python java jdk jre hotspotvm openjdk gcc clang llvm cmake xcode swift kotlin rustc libc glibc musl libwebrtc webrtc x5 tbs mmkv wcdb sqlite sdk api rom romversion buildnumber basebandversion baseband gpu gles adreno mali bios uefi system 系统版本 固件 系统 内核 客户端版本 协议版本 规则版本 升级到 降级到 更新到",
    ),
    (
        Plain,
        "contenttype contentlength contentencoding contentdisposition packagename classname modulename threadname processname methodname functionname fieldname columnname tablename indexname filetype typename eventname pagename screenname_ui activityname servicename queuename taskname taskid keyname keyid tagname viewname tabname domainname \
        appname productname brandname modelname featurename configname ruleid rulename streamid streamname codecname protocolname profilename schemaname dbname collectionname bucketname clustername regionname zonename endpointname symbolname crate cratename libname pluginname sdkappid appid channelname_build bundleid errorname exceptionname signalname statename phase phasename stagename stepname hookname \
        fontname themename resourcename variablename parametername argname headername cookiename username_len tokentype tokenexpired tokenlen authmethod authtype authmode authstate authstatus authresult unexpectedtoken expectedtoken nexttoken_type callname varname propertyname jobname containername imagename podname namespace servername upstreamname operationname opname opcode groupby grouptype conversationtype convtype chattype msgtype messagetype usertype accounttype usergroup useragent usercount \
        membercount groupcount nameserver namespacename metricname countername timername poolname workername actorname nodetype certname issuername commonname interfacename ifname devtype dev deviceType devicemodel devicetype devicebrand devicecount lockname mutexname spanname loggername targetname buildtype contextname scenename storyboard layoutname animationname shadername texturename assetname \
        passcount passrate sessioncount sessiontype sessionstate sessiontimeout sessionttl tokencount signaturealgorithm signaturetype algorithmname passthrough signalstrength linenum linecount textsize textlength textlen textview textfield textcolor bodysize bodylen contentsize contentlen contentview msglen messagelen messagecount messageid msgid msgcount locale language region country timezone lang operatorname carrier carriername mcc mnc networktype loglevel logtag state type kind \
        表名 列名 字段 参数 类型 模块 线程名 进程名 方法名 类名 函数名 任务名 队列名 文件类型 消息类型 群类型 会话类型 功能 接口 接口名 服务名 应用名 页面 页面名 会话数 群成员数 版本名 包名 库名 用户数 运营商",
    ),
];

const SLOTS: usize = 4096;
static TABLE: [u32; SLOTS] = build();

/// An entry of the table: which list, and from where to where in it. Packed, so that the table stays small.
const fn pack(list: usize, start: usize, end: usize) -> u32 {
    (list as u32) << 24 | (start as u32) << 8 | (end - start) as u32
}

const fn build() -> [u32; SLOTS] {
    let mut table = [0; SLOTS];
    let mut list = 0;
    while list < KEYS.len() {
        let words = KEYS[list].1.as_bytes();
        let mut start = 0;
        while start < words.len() {
            let mut end = start;
            while end < words.len() && words[end] != b' ' {
                end += 1;
            }
            if end > start {
                let mut hash = SEED;
                let mut i = end;
                while i > start {
                    i -= 1;
                    if words[i] != b'_' {
                        hash = step(hash, words[i]);
                    }
                }
                let mut slot = hash as usize % SLOTS;
                while table[slot] != 0 {
                    slot = (slot + 1) % SLOTS;
                }
                table[slot] = pack(list, start, end);
            }
            start = end + 1;
        }
        list += 1;
    }
    table
}

const SEED: u32 = 0x811c_9dc5;

/// FNV-1a, fed from the end of a word to its start.
const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte.to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193)
}

/// The hashes of every ending of every word, so that reading a name back stops as soon as no word ends like it.
static ENDINGS: [u64; 1024] = endings();

const fn endings() -> [u64; 1024] {
    let mut bits = [0; 1024];
    let mut list = 0;
    while list < KEYS.len() {
        let words = KEYS[list].1.as_bytes();
        let (mut hash, mut i) = (SEED, words.len());
        while i > 0 {
            i -= 1;
            match words[i] {
                b' ' => hash = SEED,
                b'_' => {}
                byte => {
                    hash = step(hash, byte);
                    let (word, bit) = place(hash);
                    bits[word] |= 1 << bit;
                }
            }
        }
        list += 1;
    }
    bits
}

const fn place(hash: u32) -> (usize, u32) {
    ((hash >> 22) as usize, hash >> 16 & 63)
}

/// Whether some word ends with what has this hash.
fn some_word_ends_so(hash: u32) -> bool {
    let (word, bit) = place(hash);
    ENDINGS[word] >> bit & 1 == 1
}

/// The longest name that is read, in bytes, and the most words in it that spaces separate.
const LONGEST: usize = 32;
const SPACES: usize = 2;

/// The longest known ending of the name that ends at `end`: where it starts and what it says.
pub(super) fn ending_at(s: &[u8], end: usize) -> Option<(usize, Class)> {
    let (mut hash, mut at, mut spaces, mut best) = (SEED, end, 0, None);
    while at > 0 && end - at < LONGEST {
        let b = s[at - 1];
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                hash = step(hash, b);
                at -= 1;
            }
            b'_' | b'-' if at < end => {
                at -= 1;
                continue;
            }
            b' ' if at < end
                && spaces < SPACES
                && at > 1
                && s[at - 2].is_ascii_alphanumeric()
                && s[at] < 0x80
                && (best.is_some() || continues(&s[at..end])) =>
            {
                spaces += 1;
                at -= 1;
                continue;
            }
            0x80..=0xbf if at >= 3 && (0xe4..=0xe9).contains(&s[at - 3]) => {
                hash = step(step(step(hash, b), s[at - 2]), s[at - 3]);
                at -= 3;
            }
            _ => break,
        }
        if !some_word_ends_so(hash) {
            break;
        }
        if starts_word(s, at)
            && let Some(class) = look_up(hash, s, at, end)
        {
            best = Some((at, class));
        }
    }
    best
}

/// Whether a word that says nothing alone may say something together with the word before it, as in `phone number`.
fn continues(word: &[u8]) -> bool {
    word.len() <= 8
        && super::view::is_one_of(
            word,
            &[
                "number", "no", "num", "id", "name", "address", "addr", "token", "key", "code",
                "title", "text", "line", "of", "of birth", "secret",
            ],
        )
}

/// Whether a word of a name begins at `at`: after anything but a letter or digit, or at a capital of camel case.
fn starts_word(s: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|i| s[i]) else {
        return true;
    };
    let here = s[at];
    if here >= 0x80 || !before.is_ascii_alphanumeric() {
        return true;
    }
    here.is_ascii_uppercase()
        && (!before.is_ascii_uppercase() || s.get(at + 1).is_some_and(u8::is_ascii_lowercase))
}

fn look_up(hash: u32, s: &[u8], start: usize, end: usize) -> Option<Class> {
    let mut slot = hash as usize % SLOTS;
    loop {
        let entry = TABLE[slot];
        if entry == 0 {
            return None;
        }
        let (class, words) = KEYS[(entry >> 24) as usize];
        let from = (entry >> 8 & 0xffff) as usize;
        let word = &words.as_bytes()[from..from + (entry & 0xff) as usize];
        if is_spelled(word, &s[start..end]) {
            return Some(class);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Whether a name is the word, whatever joins its parts and however it is capitalised.
fn is_spelled(word: &[u8], name: &[u8]) -> bool {
    let mut letters = word.iter().filter(|&&b| b != b'_');
    for b in name.iter().filter(|b| !matches!(b, b'_' | b'-' | b' ')) {
        if letters
            .next()
            .is_none_or(|letter| !letter.eq_ignore_ascii_case(b))
        {
            return false;
        }
    }
    letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str) -> Option<Class> {
        ending_at(name.as_bytes(), name.len()).map(|(_, class)| class)
    }

    #[test]
    fn the_last_word_of_a_name_decides() {
        for name in [
            "phone",
            "user_phone",
            "userPhone",
            "USER_PHONE",
            "contacts.phone",
            "Phone Number",
            "手机号",
            "用户手机号",
        ] {
            assert_eq!(class(name), Some(Phone), "{name}");
        }
        for name in ["phone_count", "rx_bytes", "phoneCount"] {
            assert_eq!(class(name), Some(Metric), "{name}");
        }
        assert_eq!(class("fromUserId"), Some(Account));
        assert_eq!(class("IMUserID"), Some(Account));
        assert_eq!(class("X-Device-Name"), Some(Device));
        assert_eq!(class("file_name"), Some(File));
        assert_eq!(class("content-type"), Some(Plain));
        assert_eq!(class("fluid"), None);
        assert_eq!(class("mismatch"), None);
    }

    #[test]
    fn a_name_is_said_to_start_where_its_known_ending_starts() {
        assert_eq!(
            ending_at("请联系 手机号".as_bytes(), "请联系 手机号".len()),
            Some(("请联系 ".len(), Phone))
        );
        assert_eq!(ending_at(b"bad user id", 11), Some((4, Account)));
    }
}
