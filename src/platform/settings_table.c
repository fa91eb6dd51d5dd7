/* Every setting there is. The console's forms, --help-config and the checks all come from here. Keys are stable; group by the word before the dot. */
#include "base/check.h"
#include "platform/settings.h"

static const struct setting table[] = {
    {"data.dir", SETTING_STR, "data", NULL,
     "Folder of everything that is kept: database, files, key of the installation",
     "数据目录:数据库、文件和安装密钥都在这里"},
    {"data.key_file", SETTING_STR, "", NULL,
     "Key of the installation (32 bytes; made at first start). Empty: <data.dir>/secret.key",
     "安装密钥文件(32 字节,首次启动时生成)。留空为 <data.dir>/secret.key"},

    {"db.url", SETTING_SECRET, "", NULL,
     "Database. Empty: sqlite:<data.dir>/stablehand.db. "
     "postgres://user@host1,host2/stablehand is PostgreSQL; of several hosts the one that can be "
     "written to is used",
     "数据库地址。留空为 sqlite:<data.dir>/stablehand.db;postgres://user@host1,host2/stablehand 为 "
     "PostgreSQL,多个主机时使用可写的那一个"},
    {"db.readers", SETTING_INT, "4", "1..64", "Connections that read", "读连接数"},
    {"db.writers", SETTING_INT, "8", "1..64", "Connections that write (PostgreSQL)",
     "写连接数(PostgreSQL)"},
    {"db.cache", SETTING_SIZE, "64MB", "1MB..4GB",
     "Page cache of the connection that writes; those that read have an eighth of it each",
     "写连接的页缓存;每个读连接为其八分之一"},
    {"db.max_waiting", SETTING_INT, "65536", "64..1000000",
     "Writes that may wait before new ones are refused", "写队列上限,超过后拒绝新的写入"},

    {"bus.url", SETTING_SECRET, "", NULL,
     "Message servers (NATS) between the nodes of a desk on PostgreSQL: "
     "nats://user:password@host1:4222,nats://host2:4222, tls:// for TLS. Empty: nodes look into "
     "the database by themselves, and hear of each other, and of who types, up to a second later",
     "多节点(PostgreSQL)之间的消息服务器(NATS):nats://user:password@host1:4222,nats://host2:4222,"
     "tls:// 表示加密。留空则各节点自行查询数据库,其他节点的消息和输入状态最多晚一秒看到"},
    {"bus.prefix", SETTING_STR, "stablehand", NULL,
     "First words of all subjects on the message servers: another one for each desk that shares "
     "them",
     "消息主题前缀;多个客服台共用消息服务器时应各不相同"},
    {"bus.tls_ca", SETTING_STR, "", NULL,
     "Certificates (PEM) that message servers are trusted by; empty: those of the system",
     "信任的消息服务器 CA 证书(PEM);留空则使用系统证书"},
    {"bus.tls_cert", SETTING_STR, "", NULL,
     "Certificate (PEM) that this node shows to message servers", "本节点的客户端证书(PEM)"},
    {"bus.tls_key", SETTING_STR, "", NULL, "Private key of bus.tls_cert (PEM)",
     "bus.tls_cert 的私钥(PEM)"},
    {"bus.credentials", SETTING_STR, "", NULL,
     "File with a NATS user's JWT and seed (.creds), instead of a password in bus.url",
     "NATS 用户凭据文件(.creds),代替 bus.url 中的密码"},

    {"node.name", SETTING_STR, "", NULL,
     "Name of this node among several, for people; empty: host name and process number",
     "本节点的名称,供人辨认;留空为主机名加进程号"},
    {"node.lease", SETTING_DURATION_MS, "10s", "1s..5m",
     "A node of several (PostgreSQL) that gives no sign of life for this time is given up by the "
     "others",
     "多节点(PostgreSQL)时,节点超过此时间没有心跳,其他节点就接管它的工作"},

    {"files.dir", SETTING_STR, "", NULL, "Uploaded files. Empty: <data.dir>/files",
     "上传文件目录。留空为 <data.dir>/files"},
    {"files.url", SETTING_STR, "", NULL,
     "Where uploaded files are kept. Empty: the folder files.dir. s3://BUCKET/PREFIX: a bucket of "
     "any S3-compatible store, as several nodes need it",
     "上传文件的存放位置。留空为 files.dir 目录;s3://桶名/前缀 为任意 S3 "
     "兼容存储中的桶,多节点部署需要"},
    {"files.s3_endpoint", SETTING_STR, "", NULL,
     "The store: https://host:port (http:// only when it is asked for). Empty: Amazon's of the "
     "region",
     "对象存储地址:https://主机:端口(仅在明确写 http:// 时不加密)。留空为所在区域的 Amazon S3"},
    {"files.s3_region", SETTING_STR, "us-east-1", NULL,
     "Region that signatures name; many stores take any", "签名中的区域名,许多存储接受任意值"},
    {"files.s3_access_key", SETTING_STR, "", NULL, "Access key id", "访问密钥 ID"},
    {"files.s3_secret_key", SETTING_SECRET, "", NULL, "Secret key; better files.s3_secret_file",
     "访问密钥;建议改用 files.s3_secret_file"},
    {"files.s3_secret_file", SETTING_STR, "", NULL, "File whose first line is the secret key",
     "存放访问密钥的文件(取第一行)"},
    {"files.s3_ca_file", SETTING_STR, "", NULL,
     "Certificates (PEM) that the store's is checked with. Empty: the system's",
     "校验对象存储证书用的 CA 文件(PEM)。留空使用系统证书"},
    {"files.s3_bucket_in_host", SETTING_BOOL, "false", NULL,
     "Address the bucket as bucket.host instead of host/bucket",
     "以 桶名.主机 而非 主机/桶名 的形式访问"},
    {"files.s3_silence", SETTING_DURATION_MS, "10s", "1s..5m",
     "A store that says nothing for so long is given up, and asked again",
     "对象存储静默多久后放弃并重试"},
    {"files.s3_deadline", SETTING_DURATION_MS, "15s", "1s..5m",
     "A request to the store has so long, with its repetitions; uploads longer by their size",
     "对象存储单次请求(含重试)的时限,上传按大小延长"},
    {"files.s3_downloads", SETTING_INT, "64", "1..10000", "Downloads from the store at a time",
     "同时从对象存储下载的数量"},

    {"http.listen", SETTING_STR, "127.0.0.1:8080", NULL,
     "Address and port; [::]:443 for all of IPv6 and IPv4, port 0 for any free one",
     "监听地址和端口;[::]:443 表示所有地址,端口 0 表示任意空闲端口"},
    {"http.loops", SETTING_INT, "0", "0..64",
     "Threads for the network; 0: one per two cores, at most 4",
     "网络线程数;0 表示每两核一个,最多 4 个"},
    {"http.workers", SETTING_INT, "8", "1..256", "Threads that run requests", "处理请求的线程数"},
    {"http.tls_cert", SETTING_STR, "", NULL,
     "Certificate chain (PEM); empty: no TLS here, a proxy does it",
     "证书链(PEM);留空则不在此启用 TLS"},
    {"http.tls_key", SETTING_STR, "", NULL, "Private key of the certificate (PEM)",
     "证书私钥(PEM)"},
    {"http.trusted_proxies", SETTING_STR, "", NULL,
     "Networks of proxies whose X-Forwarded-* headers count: \"10.0.0.0/8, 127.0.0.1\"",
     "可信代理网段,只采信它们的 X-Forwarded-* 请求头"},
    {"http.allowed_origins", SETTING_STR, "", NULL,
     "Other origins that may use the API with a session, separated by spaces",
     "允许携带会话调用接口的其他来源,以空格分隔"},
    {"http.web_dir", SETTING_STR, "", NULL,
     "Serve the web apps from this folder instead of the built-in ones (development)",
     "从此目录提供网页应用(开发用),留空则使用内置版本"},
    {"http.max_connections", SETTING_INT, "20000", "16..1000000", "Connections at a time",
     "同时连接数上限"},
    {"http.max_connections_per_ip", SETTING_INT, "200", "1..1000000",
     "Connections at a time from one address", "单个地址的同时连接数上限"},
    {"http.header_timeout", SETTING_DURATION_MS, "10s", "1s..5m", "Time for a request's head",
     "请求头接收时限"},
    {"http.body_timeout", SETTING_DURATION_MS, "60s", "1s..30m", "Time for a request's body",
     "请求体接收时限"},
    {"http.idle_timeout", SETTING_DURATION_MS, "75s", "1s..1h",
     "How long an idle connection is kept", "空闲连接保留时间"},
    {"http.ready_grace", SETTING_DURATION_MS, "5s", "0s..10m",
     "/readyz says no when the database could not be written to for this time",
     "数据库不可写持续多久后 /readyz 报告未就绪"},
    {"http.drain", SETTING_DURATION_MS, "0s", "0s..5m",
     "When asked to stop: /readyz says no for this time, and everything else goes on, before the "
     "door is closed. Behind a load balancer a little longer than it takes to notice",
     "收到停止信号后先让 /readyz 报告未就绪并继续服务这么久,再关闭;负载均衡后面应略长于其发现时间"},
    {"http.rate_per_second", SETTING_INT, "50", "1..1000000",
     "Requests a second from one address, in the long run", "单个地址每秒请求数(长期平均)"},
    {"http.rate_burst", SETTING_INT, "200", "1..1000000", "Requests from one address at once",
     "单个地址的突发请求数"},

    {"chat.visitor_frames_per_second", SETTING_INT, "50", "1..1000000",
     "Frames a second from one visitor's socket; more closes it",
     "单个访客连接每秒帧数,超过则断开"},
    {"chat.agent_frames_per_second", SETTING_INT, "100", "1..1000000",
     "Frames a second from one agent's socket; more closes it", "单个客服连接每秒帧数,超过则断开"},

    {"presence.grace", SETTING_DURATION_MS, "20s", "1s..10m",
     "An agent whose last connection broke stays online for this time: a reload or a change of "
     "networks takes nobody's work away",
     "客服最后一个连接断开后,在此时间内仍视为在线(刷新页面或切换网络不会丢失会话)"},

    {"log.level", SETTING_WORDS, "info", "debug|info|warn|error|off", "How much is logged",
     "日志级别"},
    {"log.format", SETTING_WORDS, "text", "text|json", "Form of the log lines", "日志格式"},

    {"metrics.allow", SETTING_STR, "127.0.0.0/8, ::1", NULL, "Networks that may read /metrics",
     "允许读取 /metrics 的网段"},

    {"session.idle", SETTING_DURATION_MS, "12h", "5m..30d",
     "An agent's session ends after this time without use", "客服会话闲置多久后失效"},
    {"session.absolute", SETTING_DURATION_MS, "30d", "1h..365d",
     "An agent's session ends after this time in any case", "客服会话的最长有效期"},
    {"invitation.valid", SETTING_DURATION_MS, "7d", "1h..90d",
     "How long an invitation link is good", "邀请链接有效期"},
    {"visitor.anonymous", SETTING_DURATION_MS, "180d", "1h..730d",
     "An anonymous visitor is forgotten after this time without a visit",
     "匿名访客多久未访问后失效"},
    {"visitor.verified", SETTING_DURATION_MS, "24h", "5m..30d",
     "How long a signed-in customer's widget stays signed in without a new signed identity",
     "已登录客户的聊天窗口在没有新签名身份时保持登录的时间"},
    {"events.keep", SETTING_DURATION_MS, "90d", "1h..3650d",
     "How long the events of a resolved conversation are kept; messages stay. A client that was "
     "away for longer loads again",
     "会话解决后事件记录的保留时间(消息不受影响);离线更久的客户端会重新加载"},
    {"help.contact_url", SETTING_STR, "", NULL,
     "Where the help centre's \"Contact support\" leads: a page that carries the chat; empty: no "
     "link",
     "帮助中心“联系客服”链接到的页面(带聊天窗口);留空则不显示链接"},
    {"help.starter_content", SETTING_WORDS, "no", "no|drafts|published",
     "Fills an empty help centre with the starter articles, as drafts or published",
     "帮助中心为空时导入自带的入门文章:草稿或直接发布"},
    {"setup.token", SETTING_SECRET, "", NULL,
     "Asked of the first-start wizard when it is not opened from this machine; empty: one is made "
     "and printed",
     "非本机打开首次设置向导时要求的令牌;留空则自动生成并打印"},
};

const struct setting *settings_table(size_t *n_out)
{
    *n_out = ARRAY_LEN(table);
    return table;
}
