/* Data only. A word may stand for two concepts. A change makes every model be trained again: the fingerprint sees to that. */
#include "bot/concepts.h"

#include "base/check.h"

const struct concept concept_list[] = {
    {"deposit",
     "deposit, top up, topup, fund my account, funding, pay in, add money, add funds, "
     "put money, load money, recharge, transfer in, sent to my account, incoming",
     "充值, 充币, 入金, 充钱, 转入, 存入, 存款, 打款进来, 冲值, "
     "充进来, 转进来, 存币"},
    {"withdraw",
     "withdraw, withdrawal, cash out, cashout, take out, payout, pay out, move out, "
     "transfer out, send out, outgoing",
     "提现, 提币, 出金, 提款, 取款, 转出, 取钱, 提出来, 取出来, 提到, "
     "转出去, 提走"},
    {"missing",
     "missing, not arrived, not arrive, not received, not receive, never arrived, never came, "
     "not credited, not credit, not show, not showing, not there, did not get, didnt get, "
     "havent got, not got, hasnt arrived, havent received, didnt arrive, not in my account, "
     "where is my, wheres my, lost, vanished, disappeared, gone, nothing came",
     "没到, 没到账, 没收到, 未到账, 不到账, 没有到, 没有收到, 还没到, "
     "没入账, 未收到, 没看到, 不见了, 消失, 没来, 去哪了, 没显示, "
     "没上账, 丢了, 没了"},
    {"pending",
     "pending, stuck, processing, waiting, still, delayed, delay, slow, long, late, hours, "
     "taking forever, not processed, in progress, hanging",
     "处理中, 卡住, 卡了, 卡在, 审核中, 等待, 还在, 延迟, 慢, 多久, "
     "一直, 等了, 很久, 迟迟, 半天, 不动"},
    {"fail",
     "fail, failed, failure, error, reject, rejected, declined, refused, unsuccessful, "
     "cannot, cant, unable, wont, doesnt work, not working, not work, broken, bug, glitch",
     "失败, 报错, 错误, 被拒, 拒绝, 不成功, 无法, 不能, 不了, 没法, "
     "出错, 不行, 用不了, 异常, 故障"},
    {"login",
     "login, log in, log on, sign in, signin, logging in, get in, access my account, "
     "cant access",
     "登录, 登陆, 登入, 登不上, 登不进, 进不去, 上不去, 登不了"},
    {"password", "password, passcode, passwd, pin, credentials", "密码, 口令"},
    {"forgot",
     "forgot, forget, forgotten, reset, recover, recovery, restore, dont remember, "
     "lost my password",
     "忘记, 忘了, 找回, 重置, 恢复, 不记得, 想不起"},
    {"twofa",
     "2fa, two factor, two-factor, authenticator, google auth, google authenticator, otp, "
     "totp, verification code, sms code, security code, auth code, one time code, "
     "6 digit code, authentication app",
     "验证器, 谷歌验证, 二次验证, 双重验证, 两步验证, 验证码, "
     "动态码, 动态口令, 身份验证器, 双重认证, 短信码"},
    {"email", "email, e mail, mail, mailbox, inbox", "邮箱, 邮件, 电子邮件"},
    {"phone", "phone, mobile, phone number, sim, cellphone, telephone, handset",
     "手机, 手机号, 电话, 号码, 电话号码"},
    {"change", "change, update, replace, switch, modify, edit, new phone, new number, different",
     "修改, 更换, 换, 改, 变更, 更新, 换绑, 改绑"},
    {"kyc",
     "kyc, identity, id card, passport, verification, verify my identity, verify identity, "
     "verified, selfie, face scan, id document, driving licence, drivers license, "
     "proof of address, documents, liveness",
     "认证, 实名, 身份证, 护照, 人脸, 身份认证, 实名认证, 证件, "
     "高级认证, 自拍, 驾照, 地址证明, 审核资料"},
    {"frozen",
     "frozen, freeze, locked, lock, blocked, block, suspended, suspend, restricted, "
     "restriction, disabled, banned, ban, limited, under review, deactivated",
     "冻结, 锁定, 封号, 封了, 被封, 限制, 停用, 锁了, 禁用, 风控, 被锁, "
     "解冻, 解封, 封停"},
    {"stolen",
     "stolen, hacked, hack, hacker, theft, compromised, stole, unauthorised, unauthorized, "
     "someone else, not me, wasnt me, drained, emptied, without my permission, took over",
     "被盗, 盗, 黑客, 被黑, 不是我, 不是本人, 偷, 盗号, 异常登录, "
     "陌生, 被转走, 被清空, 洗劫"},
    {"scam",
     "scam, scammed, fraud, fraudster, cheated, fake, ponzi, scammer, tricked, conned, "
     "swindled, deceived, pig butchering",
     "诈骗, 骗, 被骗, 骗子, 假的, 上当, 杀猪盘, 欺诈, 受骗, 骗局"},
    {"phishing",
     "phishing, phish, suspicious link, fake site, fake website, fake email, impersonate, "
     "impersonator, pretending, fake support, telegram, whatsapp, called me, claims to be",
     "钓鱼, 冒充, 假网站, 假客服, 仿冒, 可疑链接, 山寨, 自称, 假冒, "
     "飞机群, 电报"},
    {"official",
     "official, real, genuine, legit, legitimate, authentic, really you, is this, "
     "verify support, trust",
     "官方, 真的, 真假, 正规, 是不是你们, 真伪, 靠谱, 正版"},
    {"network",
     "network, chain, blockchain, trc20, erc20, bep20, mainnet, protocol, tron, bsc, polygon, "
     "arbitrum",
     "网络, 链, 主网, 公链, 通道, 协议"},
    {"wrong",
     "wrong, mistake, mistakenly, accidentally, incorrect, by accident, mixed up, error in, "
     "not the right, oops, misplaced",
     "错, 错误, 选错, 填错, 转错, 打错, 误, 搞错, 弄错, 发错, 充错, "
     "写错"},
    {"address", "address, wallet address, deposit address, receiving address, addr, qr code",
     "地址, 收款地址, 充值地址, 钱包地址, 二维码"},
    {"memo", "memo, tag, destination tag, payment id, comment, note field, label",
     "备注, 标签, 附言"},
    {"txid",
     "txid, tx id, hash, transaction id, tx hash, transaction hash, block explorer, explorer, "
     "etherscan, tronscan",
     "哈希, 交易号, 交易哈希, 区块浏览器, 浏览器, 转账记录"},
    {"confirm", "confirmation, confirmations, confirmed, block, blocks, unconfirmed",
     "确认数, 确认, 区块, 区块确认, 块"},
    {"fee",
     "fee, fees, charge, charged, cost, costs, commission, price list, gas, gas fee, "
     "expensive, deducted, deduction, rate card",
     "手续费, 费用, 费率, 收费, 矿工费, 扣费, 扣了, 多少钱, 成本, "
     "佣金, 抽成, 贵"},
    {"limit",
     "limit, limits, maximum, minimum, max, min, quota, cap, daily limit, smallest, largest, "
     "how much can i",
     "限额, 额度, 上限, 下限, 最低, 最少, 最多, 最高, 最小, 最大, 起提, "
     "门槛"},
    {"order",
     "order, orders, trade, buy order, sell order, limit order, market order, stop loss, "
     "take profit, oco, stop limit",
     "订单, 挂单, 委托, 下单, 单子, 限价, 市价, 止损, 止盈, 限价单, "
     "市价单, 买单, 卖单"},
    {"notfilled",
     "not filled, not executed, unfilled, no fill, partially filled, doesnt execute, "
     "didnt execute, not matched, still open, not go through",
     "没成交, 不成交, 未成交, 部分成交, 撮合, 成交不了, 没有成交"},
    {"cancel",
     "cancel, cancelled, undo, revoke, reverse, stop, call back, recall, take back, refund, "
     "withdraw my order",
     "取消, 撤销, 撤单, 撤回, 退回, 退款, 追回, 拿回, 反悔"},
    {"slippage",
     "slippage, slipped, worse price, different price, price difference, executed at, "
     "filled at, wrong price",
     "滑点, 成交价, 价格不对, 偏差, 价差, 价格不符, 差价"},
    {"liquidation",
     "liquidation, liquidated, liquidate, margin call, wiped out, blown up, leverage, margin, "
     "position closed, futures, perpetual, contract",
     "爆仓, 强平, 强制平仓, 穿仓, 保证金, 杠杆, 合约, 仓位, 平仓, "
     "永续, 期货"},
    {"funding", "funding rate, funding fee, funding payment", "资金费率, 资金费"},
    {"p2p", "p2p, peer to peer, merchant, seller, buyer, otc, c2c, counterparty, escrow",
     "商家, 买家, 卖家, 场外, 对方, 担保, 法币交易"},
    {"release", "release, released, not releasing, wont release, didnt release, has not released",
     "放币, 放行, 不放, 释放, 没放, 打币"},
    {"paid",
     "paid, payment, pay, sent the money, transferred the money, bank transfer, i have paid, "
     "made payment",
     "付款, 已付, 付了, 转账, 打款, 支付, 汇款, 转了钱, 打钱"},
    {"appeal", "appeal, dispute, disagree, contest, arbitration, claim, case",
     "申诉, 争议, 仲裁, 纠纷, 投诉单, 异议"},
    {"bankcard", "bank card, bank account, debit card, credit card, visa, mastercard, bank, card",
     "银行卡, 银行, 卡, 借记卡, 信用卡, 账户被冻, 冻卡, 银行账户"},
    {"police", "police, judicial, court, law enforcement, lawyer, legal, authorities",
     "警察, 公安, 司法, 报警, 法院, 派出所, 律师, 经侦"},
    {"complain",
     "complain, complaint, unhappy, dissatisfied, manager, supervisor, regulator, sue, "
     "terrible service, report you",
     "投诉, 不满, 举报, 差评, 监管, 经理, 主管, 起诉, 态度差"},
    {"human",
     "human, agent, person, representative, operator, support, customer service, contact, "
     "talk to, speak to, live chat, hotline",
     "人工, 客服, 真人, 联系, 联系方式, 电话客服, 转人工, 专员"},
    {"open",
     "open an account, register, registration, sign up, signup, create an account, join, "
     "new account, get started, onboard",
     "注册, 开户, 开通, 新账户, 申请账号, 加入, 新用户, 创建账户"},
    {"close",
     "close my account, delete my account, deactivate, terminate, remove my account, "
     "close account, erase",
     "注销, 销户, 删除账户, 关闭账户, 销号, 删号"},
    {"app",
     "app, application, android, ios, iphone, install, download, crash, crashes, "
     "update the app, website, page, browser, blank, loading, screen",
     "应用, 软件, 闪退, 下载, 安装, 安卓, 苹果, 网页, 白屏, 页面, "
     "打不开, 加载, 网站, 更新"},
    {"api", "api, api key, bot trading, secret key, webhook, programmatic, rate limit, sdk",
     "接口, 密钥, 程序化, 机器人交易, 量化"},
    {"wallet",
     "wallet, cold wallet, hot wallet, hardware wallet, ledger, trezor, custody, metamask, "
     "self custody",
     "钱包, 冷钱包, 热钱包, 硬件钱包, 托管, 小狐狸"},
    {"seed",
     "seed phrase, mnemonic, recovery phrase, private key, secret phrase, 12 words, 24 words, "
     "keystore",
     "助记词, 私钥, 恢复词, 种子, 密语"},
    {"usdt", "usdt, tether, stablecoin, stable coin, usdc", "泰达币, 稳定币, 泰达"},
    {"token",
     "token, coin, asset, crypto, currency, unsupported, not supported, not listed, listing, "
     "delisted, delist",
     "代币, 币种, 不支持, 币, 资产, 上架, 下架, 上币"},
    {"blacklist",
     "blacklisted, blacklist, issuer, frozen by tether, tether froze, sanction, sanctions, "
     "sanctioned",
     "黑名单, 发行方, 制裁, 拉黑"},
    {"hold",
     "hold, 24 hours, security hold, 24h, cooling, lock period, waiting period, "
     "withdrawal hold",
     "冷却, 安全限制, 锁定期, 暂停提现, 等待期, 保护期"},
    {"balance", "balance, amount, total, portfolio, assets shown, holdings",
     "余额, 资产, 金额, 总额, 数量, 账户里"},
    {"history", "history, statement, records, export, tax, report, download history, csv, invoice",
     "历史, 账单, 记录, 流水, 导出, 报税, 对账单, 明细, 发票"},
    {"security",
     "secure, security, safe, protect, protection, safety, safeguard, anti phishing code, "
     "whitelist",
     "安全, 保护, 防护, 安全设置, 防盗, 防钓鱼码, 白名单"},
    {"interest",
     "interest, earn, staking, stake, yield, savings, apy, apr, rewards, passive income",
     "理财, 质押, 收益, 利息, 年化, 赚币, 存币宝, 锁仓"},
    {"bonus",
     "bonus, promotion, coupon, voucher, airdrop, campaign, reward, prize, gift, event, "
     "welcome",
     "奖励, 活动, 优惠, 空投, 红包, 赠金, 体验金, 奖品, 福利, 卡券"},
    {"referral", "referral, invite, friend, affiliate, commission code, invitation, refer",
     "邀请, 推荐, 返佣, 邀请码, 好友, 推广, 返利"},
    {"price", "price, chart, kline, candle, quote, rate, exchange rate, market data",
     "价格, 行情, 报价, 汇率, 图表, 走势"},
    {"convert", "convert, swap, exchange, buy, sell, purchase, flash swap",
     "兑换, 闪兑, 换成, 买, 卖, 购买, 出售"},
    {"time", "when, how long, hours, time, eta, deadline, business days",
     "什么时候, 多长时间, 几天, 何时, 时间, 多少天, 几个小时"},
    {"how", "how, how to, how do i, steps, guide, tutorial, explain, way to, instructions, help me",
     "怎么, 如何, 怎样, 步骤, 教程, 方法, 流程, 操作, 咋"},
    {"why", "why, reason, cause, how come, explain why",
     "为什么, 为何, 为啥, 原因, 怎么回事, 凭什么, 咋回事"},
    {"what", "what is, what are, meaning, define, difference, mean",
     "什么是, 是什么, 什么意思, 区别, 介绍, 啥是"},
    {"country",
     "country, region, residence, nationality, us citizen, usa, available in, jurisdiction, "
     "abroad",
     "国家, 地区, 国籍, 大陆, 中国用户, 境外, 海外, 内地"},
    {"name", "name, real name, spelling, legal name, surname, nickname, username",
     "姓名, 名字, 真实姓名, 昵称, 用户名, 户名"},
    {"age", "age, minor, underage, 18, child", "年龄, 未成年, 岁"},
    {"vip",
     "vip, tier, level, institutional, corporate, company account, business account, "
     "market maker",
     "等级, 机构, 企业, 公司账户, 大户, 做市"},
    {"subaccount", "sub account, subaccount, sub accounts", "子账户, 子账号"},
    {"transfer", "transfer, send, internal transfer, move, send to another user, between accounts",
     "划转, 转账, 内部转账, 转给, 互转, 转到"},
    {"device",
     "device, new device, ip, location, session, logged in from, unknown device, computer",
     "设备, 异地, 登录地点, 新设备, 电脑"},
    {"suspend",
     "maintenance, suspended withdrawals, paused, outage, down, upgrade, halted, offline, "
     "server",
     "维护, 暂停, 宕机, 升级, 关闭提币, 停机, 崩了, 服务器"},
    {"dust", "dust, small balance, small amounts, leftover", "小额, 零钱, 碎币, 余币"},
    {"tax", "tax, taxes, irs, tax form", "税, 报税, 税务"},
};
const unsigned concept_count = ARRAY_LEN(concept_list);
