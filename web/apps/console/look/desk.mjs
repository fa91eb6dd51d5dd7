// A desk that is not there: answers the console's requests and frames from memory, so that every page can be looked at and measured without a server.
// For `npm run look` only; nothing of it is built into the console.

const ISO = (ms) => new Date(ms).toISOString();
const MIN = 60_000;

function seeded(seed) {
  let s = seed;
  return () => (s = (s * 16807) % 2147483647) / 2147483647;
}

const NAMES = [
  'Mei Lin',
  '王小明',
  'Oliver Brandt',
  '陈思远',
  'Fatima Zahra',
  '李佳怡',
  'Tom Becker',
  '赵子轩',
  'Aiko Tanaka',
  '周文',
  'Sofia Rossi',
  '',
];
const ASKS = {
  en: [
    'My USDT deposit has not arrived. I sent it three hours ago over TRC-20.',
    'Why was my withdrawal cancelled?',
    'I lost my phone and cannot get the 2FA code any more.',
    'Somebody logged in to my account from another country!',
    'What are the fees for futures?',
    'KYC is pending since Monday. Can you look?',
  ],
  zh: [
    '我充值的 USDT 还没有到账，已经三个小时了。',
    '为什么我的提现被取消了？',
    '手机丢了，收不到谷歌验证码怎么办？',
    '我的账户被冻结了，请尽快处理。',
    '合约手续费是多少？',
    '实名认证一直在审核中。',
  ],
};
const TOPICS = ['deposit', 'withdrawal', 'security', 'kyc', 'fees', ''];

export function makeDesk({ now, conversations = 40, longest = 1200, language = 'en', theme = 'light' }) {
  const random = seeded(42);
  const agents = [
    ['1', 'Ada Keller', 'owner', 'available'],
    ['2', '林晓', 'agent', 'busy'],
    ['3', 'Jonas Weber', 'supervisor', 'away'],
    ['4', 'Priya Nair', 'agent', 'available'],
  ].map(([id, name, role, status], i) => ({
    agent: {
      id,
      email: `agent${id}@example.com`,
      name,
      role_id: String(i + 1),
      role,
      team_ids: i % 2 ? ['1'] : [],
      languages: i % 2 ? ['zh-CN'] : ['en', 'zh-CN'],
      skills: ['withdrawal'],
      capacity: 5,
      is_active: true,
      zone: 'Europe/Berlin',
      totp_enabled: i === 0,
      created_at: ISO(now - 90 * 24 * 60 * MIN),
      version: 3,
    },
    presence: {
      agent_id: id,
      status,
      reason: status === 'away' ? 'break' : '',
      is_online: id !== '4',
      since: ISO(now - (7 + i * 9) * MIN),
      load: i + 1,
      capacity: 5,
    },
  }));

  const customers = NAMES.map((name, i) => ({
    id: String(i + 1),
    uid: i % 3 ? String(81_000_000 + i * 7919) : null,
    name,
    email: i % 3 ? `customer${i}@mail.example` : '',
    tier: ['', 'VIP 1', 'VIP 3'][i % 3],
    locale: i % 2 ? 'zh-CN' : 'en',
    zone: i % 2 ? 'Asia/Shanghai' : 'Europe/London',
    is_verified: i % 3 > 0,
    notes: i === 1 ? 'Prefers Chinese. Two earlier cases about the wrong network.' : '',
    fields: i % 3 ? { 'KYC level': '2' } : {},
    created_at: ISO(now - (200 + i) * 24 * 60 * MIN),
    last_seen_at: ISO(now - i * MIN),
    version: 2,
  }));

  const messages = new Map();
  const heads = Array.from({ length: conversations }, (_, i) => {
    const id = String(i + 1);
    const customer = customers[i % customers.length];
    const zh = customer.locale === 'zh-CN';
    const asks = ASKS[zh ? 'zh' : 'en'];
    const ask = asks[i % asks.length];
    const start = now - (5 + i * 11) * MIN;
    const list = makeMessages({
      id,
      i,
      ask,
      zh,
      start,
      now,
      customer,
      longest: i === 2 ? longest : 0,
      random,
    });
    messages.set(id, list);
    const last = list.filter((m) => m.kind === 'public').at(-1);
    const lastSeq = list.at(-1).seq;
    const handler = i % 7 === 5 ? 'bot' : i % 5 === 3 ? 'queue' : 'agent';
    const state = i % 11 === 9 ? 'snoozed' : i % 9 === 8 ? 'resolved' : i % 6 === 4 ? 'waiting' : 'open';
    const waits = last.author.kind === 'customer' && state === 'open';
    return {
      id,
      inbox_id: '1',
      customer,
      state,
      handler,
      priority: ['normal', 'urgent', 'normal', 'high', 'normal'][i % 5],
      topic: TOPICS[i % TOPICS.length],
      language: zh ? 'zh-CN' : 'en',
      tags: i % 4 === 1 ? ['trc20', 'big'] : [],
      assignee_id: handler === 'agent' ? (i % 3 ? '1' : '2') : null,
      assignee_name: handler === 'agent' ? (i % 3 ? 'Ada Keller' : '林晓') : null,
      team_id: null,
      created_at: list[0].created_at,
      updated_at: last.created_at,
      waiting_since: waits ? last.created_at : null,
      snoozed_until: state === 'snoozed' ? ISO(now + 600 * MIN) : null,
      resolved_at: null,
      last_message: {
        preview: last.body.slice(0, 200),
        author_kind: last.author.kind,
        kind: 'public',
        at: last.created_at,
      },
      last_seq: lastSeq,
      unread: waits && i % 2 ? 1 + (i % 3) : 0,
      customer_read_seq: Math.max(0, lastSeq - 3),
      customer_delivered_seq: lastSeq - 1,
      agent_read_seq: waits && i % 2 ? lastSeq - 1 : lastSeq,
      rating: null,
      version: 1,
    };
  });
  return {
    now,
    agents,
    customers,
    heads,
    messages,
    language,
    theme,
    random,
    drafts: new Map(),
    nextId: 1_000_000,
  };
}

function makeMessages({ id, i, ask, zh, start, now, customer, longest, random }) {
  const list = [];
  const step = longest ? 3 * MIN : MIN;
  const begin = longest ? now - longest * step : start;
  const add = (author, body, more = {}) => {
    const seq = list.length + 1;
    list.push({
      id: `${id}${String(seq).padStart(5, '0')}`,
      conversation_id: id,
      seq,
      client_id: null,
      author,
      kind: 'public',
      body,
      reply_to: null,
      files: [],
      mentions: [],
      meta: null,
      created_at: ISO(begin + seq * step * 0.9),
      edited_at: null,
      deleted_at: null,
      ...more,
    });
    return list.at(-1);
  };
  const c = { kind: 'customer', id: customer.id, name: customer.name };
  const bot = { kind: 'bot', id: null, name: zh ? '小助手' : 'Helper' };
  const ada = { kind: 'agent', id: '1', name: 'Ada Keller' };
  const system = { kind: 'system', id: null, name: '' };
  add(c, ask);
  add(
    bot,
    zh
      ? '充值到账需要网络确认。请先在区块浏览器中查看确认数：\n\n1. 打开充值记录\n2. 点击交易哈希\n3. 查看确认数'
      : 'A deposit is credited after enough confirmations. Please check:\n\n1. Open **Deposit history**\n2. Tap the transaction hash\n3. Compare the confirmations',
    {
      meta: {
        source: { slug: 'deposit-not-credited', title: zh ? '充值未到账' : 'Deposit not credited' },
        buttons: [
          { id: 'helpful:x', label: zh ? '有帮助' : 'Helpful' },
          { id: 'human', label: zh ? '人工客服' : 'Talk to a person' },
        ],
      },
    },
  );
  add(c, zh ? '人工' : 'human please');
  add(system, '', { kind: 'system', meta: { event: 'handover', params: { reason: 'customer_asked' } } });
  if (i % 7 === 5) return list;
  add(system, '', { kind: 'system', meta: { event: 'assigned', params: { agent: 'Ada Keller' } } });
  add(
    ada,
    zh
      ? '您好，我来帮您查询。请提供交易哈希。'
      : 'Hello, I am looking into it. Could you send me the transaction hash?',
  );
  add(c, '0x9f2c4e7ab8d31f6a0b5c8e1d7f3a9b2c4d6e8f0a1b3c5d7e9f1a2b4c6d8e0f2a4');
  const picture = add(c, zh ? '这是截图' : 'Here is a screenshot');
  picture.files = [
    {
      id: '501',
      name: 'screenshot.png',
      content_type: 'image/png',
      size: 182_344,
      sha256: 'x',
      is_image: true,
      width: 900,
      height: 560,
    },
    {
      id: '502',
      name: 'statement-2026-11.pdf',
      content_type: 'application/pdf',
      size: 1_204_223,
      sha256: 'y',
      is_image: false,
      width: null,
      height: null,
    },
  ];
  add(
    ada,
    zh
      ? '查到了：该笔转账走的是另一条网络。@林晓 请帮忙确认'
      : 'Sent over another network than the address is for. @林晓 please confirm the recovery.',
    { kind: 'note', mentions: ['2'] },
  );
  add(
    ada,
    zh
      ? '您的转账使用了不同的网络，我们可以协助找回，费用请见[说明](https://www.example.com/recovery)。'
      : 'The transfer used another network. We can recover it; the fee is explained [here](https://www.example.com/recovery).',
    { edited_at: ISO(now) },
  );
  for (let n = 0; n < longest; n++) {
    const long =
      random() < 0.2
        ? ' ' + (zh ? '请问大概需要多长时间？'.repeat(4) : 'How long will that take, roughly? '.repeat(4))
        : '';
    add(random() < 0.5 ? c : ada, (zh ? `第 ${n + 1} 条消息。` : `Message number ${n + 1}.`) + long);
  }
  if (i % 2) add(c, zh ? '好的，谢谢！还要等多久？' : 'Thank you. How long will it take?');
  return list;
}
