// The endpoints of the desk that is not there.

const CATEGORIES = [
  ['1', 'deposits', 'Deposits and withdrawals', '充值与提现'],
  ['2', 'security', 'Security', '安全'],
].map(([id, slug, en, zh], i) => ({
  id,
  slug,
  name: { en, 'zh-CN': zh },
  description: { en: '', 'zh-CN': '' },
  icon: '',
  position: i,
  n_published: { en: 3, 'zh-CN': 3 },
}));

const ARTICLES = [
  ['1', 'deposit-not-credited', '1', 'none', 'My deposit has not arrived', '充值未到账怎么办'],
  ['2', 'wrong-network', '1', 'money', 'I used the wrong network', '转错网络怎么办'],
  ['3', 'lost-2fa', '2', 'none', 'I lost my authenticator', '丢失验证器怎么办'],
  ['4', 'account-stolen', '2', 'money', 'Somebody is in my account', '账户被盗怎么办'],
];

const PERMISSIONS = [
  'conversation.read',
  'conversation.read_all',
  'conversation.reply',
  'conversation.assign',
  'customer.read',
  'customer.edit',
  'agent.manage',
  'role.manage',
  'team.manage',
  'apikey.manage',
  'inbox.manage',
  'workspace.manage',
  'canned.manage',
  'article.read',
  'article.manage',
  'article.publish',
  'bot.read',
  'bot.manage',
  'live.read',
  'audit.read',
];

const CANNED = [
  ['1', 'hello', 'Greeting', 'Hello {{customer.name|there}}, this is {{agent.name}}. How can I help?', 'en'],
  [
    '2',
    'txid',
    'Ask for the hash',
    'Could you send me the transaction hash (TxID)? You find it in your deposit history.',
    'en',
  ],
  ['3', 'nihao', '问候', '您好 {{customer.name|}}，我是 {{agent.name}}，很高兴为您服务。', 'zh-CN'],
].map(([id, shortcut, title, body, language]) => ({ id, shortcut, title, body, language, version: 1 }));

const MISSES = Array.from({ length: 41 }, (_, i) => ({
  id: String(100 - i),
  conversation_id: String(2 + (i % 5)),
  message_id: String(500 - i),
  language: i % 2 ? 'zh-CN' : 'en',
  text:
    i === 3
      ? null
      : i % 2
        ? '转到了别的链，已经三天了，能找回来吗？'
        : 'Do you sponsor football teams?\nMy club would like to ask.',
  slug: i % 2 ? 'wrong-network' : '',
  title: i % 2 ? '转错网络怎么办' : null,
  score: 0.31,
  at: new Date(Date.parse('2026-11-22T08:00:00Z') - i * 3_600_000).toISOString(),
}));

const body = (zh) =>
  `## ${zh ? '先看确认数' : 'Look at the confirmations first'}\n\n${zh ? '链上转账需要网络确认。' : 'A transfer needs confirmations by the network.'}\n\n1. A\n2. B\n`;

function translation(article, lang) {
  const zh = lang === 'zh-CN';
  return {
    lang,
    state: 'published',
    title: article[zh ? 5 : 4],
    summary: zh ? '充值没有到账时的检查步骤。' : 'What to check when a deposit does not show up.',
    answer: zh
      ? '充值需要网络确认，请先在充值记录中查看。'
      : 'A deposit needs confirmations. Look at your deposit history first.',
    body: body(zh),
    phrasings: zh
      ? ['充值没到账', '我的币在哪里', '充值多久到账']
      : ['deposit missing', 'where are my coins', 'deposit not arrived'],
    version: 4,
    published_version: 4,
    published_at: '2026-11-20T08:00:00.000Z',
    has_unpublished_changes: article[0] === '2',
    updated_at: '2026-11-21T08:00:00.000Z',
    helpful: 42,
    not_helpful: 3,
  };
}

const running = (h) => h.state === 'open' || h.state === 'waiting';
const VIEWS = {
  mine: (h) => running(h) && h.assignee_id === '1',
  unassigned: (h) => running(h) && h.handler === 'queue',
  mentions: (h) => h.id === '3',
  all: running,
  bot: (h) => running(h) && h.handler === 'bot',
  snoozed: (h) => h.state === 'snoozed',
  resolved: (h) => h.state === 'resolved',
};

export function makeApi(desk) {
  const me = () => ({
    agent: desk.agents[0].agent,
    permissions: PERMISSIONS,
    csrf_token: 'csrf',
    totp_enabled: true,
    totp_required: false,
    preferences: {
      theme: desk.theme,
      language: desk.language,
      shortcuts: true,
      sound: false,
      desktop_notifications: false,
    },
  });
  const inbox = {
    id: '1',
    key: 'demo',
    name: 'Website',
    kind: 'web_chat',
    team_id: '1',
    allowed_origins: ['https://www.example.com'],
    greeting: { en: 'Hello!', 'zh-CN': '您好！' },
    accent: '#1f5bd8',
    has_identity_secret: true,
    bot_enabled: true,
    version: 1,
  };
  const list = (items) => ({ items });
  const page = (items, q) => {
    const from = Number(q.get('cursor') ?? 0);
    const limit = Number(q.get('limit') ?? 30);
    return {
      items: items.slice(from, from + limit),
      next_cursor: from + limit < items.length ? String(from + limit) : null,
    };
  };
  const head = (id) => desk.heads.find((h) => h.id === id);
  const gone = [404, { type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' }];

  const routes = [
    ['GET', /^\/setup$/, () => ({ needs_owner: desk.setup ?? false, brand: 'Northsea Exchange' })],
    [
      'GET',
      /^\/session$/,
      () => (desk.signedOut ? [401, { type: '', title: 'x', status: 401, code: 'unauthorized' }] : me()),
    ],
    [
      'POST',
      /^\/session$/,
      (m, q, b) =>
        b.code ? [201, me()] : [401, { type: '', title: 'x', status: 401, code: 'totp_required' }],
    ],
    [
      'PATCH',
      /^\/me$/,
      (m, q, b) => {
        if (b.preferences) {
          desk.theme = b.preferences.theme;
          desk.language = b.preferences.language;
        }
        return me();
      },
    ],
    [
      'GET',
      /^\/sessions$/,
      () =>
        list([
          {
            id: '1',
            created_at: '2026-11-20T08:00:00Z',
            last_seen_at: '2026-11-22T08:00:00Z',
            ip: '203.0.113.7',
            user_agent: 'Mozilla/5.0 (Windows NT 10.0) Chrome/126.0',
            is_current: true,
          },
          {
            id: '2',
            created_at: '2026-11-18T08:00:00Z',
            last_seen_at: '2026-11-19T08:00:00Z',
            ip: '198.51.100.24',
            user_agent: 'Mozilla/5.0 (iPhone) Safari/605',
            is_current: false,
          },
        ]),
    ],
    [
      'POST',
      /^\/me\/totp$/,
      () => ({
        secret: 'JBSWY3DPEHPK3PXPJBSWY3DP',
        uri: 'otpauth://totp/Stablehand:agent1@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DP&issuer=Stablehand',
      }),
    ],
    [
      'POST',
      /^\/invitation-checks$/,
      () => ({ email: 'new@example.com', name: 'Nina', role: 'agent', brand: 'Northsea Exchange' }),
    ],
    ['GET', /^\/agents$/, () => list(desk.agents.map((a) => a.agent))],
    ['GET', /^\/teams$/, () => list([{ id: '1', name: 'Deposits', agent_ids: ['2', '4'], version: 1 }])],
    [
      'GET',
      /^\/roles$/,
      () => ({
        items: [
          ['1', 'owner', 20, true],
          ['2', 'supervisor', 14, false],
          ['3', 'agent', 8, false],
        ].map(([id, name, n, totp]) => ({
          id,
          name,
          permissions: PERMISSIONS.slice(0, n),
          is_builtin: true,
          requires_totp: totp,
          n_agents: 1,
          version: 1,
        })),
        permissions: PERMISSIONS.map((name) => ({
          name,
          description: { en: `May ${name.replace('.', ': ').replace('_', ' ')}`, 'zh-CN': `权限 ${name}` },
        })),
      }),
    ],
    [
      'GET',
      /^\/invitations$/,
      () =>
        list([
          {
            id: '9',
            email: 'new@example.com',
            name: 'Nina',
            role_id: '3',
            team_ids: [],
            created_at: '2026-11-20T08:00:00Z',
            expires_at: '2026-11-29T08:00:00Z',
          },
        ]),
    ],
    [
      'GET',
      /^\/api-keys$/,
      () =>
        list([
          {
            id: '1',
            name: 'Data warehouse',
            prefix: 'shk_4f2a',
            scopes: ['conversation.read'],
            created_at: '2026-11-01T08:00:00Z',
            expires_at: null,
            last_used_at: '2026-11-22T08:00:00Z',
          },
        ]),
    ],
    ['GET', /^\/inboxes$/, () => list([inbox])],
    [
      'GET',
      /^\/workspace$/,
      () => ({
        brand: 'Northsea Exchange',
        default_language: 'en',
        reopen_hours: 72,
        offer_timeout_s: 30,
        auto_away_minutes: 15,
        csat_enabled: true,
        public_url: 'https://support.example.com',
        version: 1,
      }),
    ],
    ['GET', /^\/canned$/, () => list(CANNED)],
    [
      'GET',
      /^\/customers$/,
      (m, q) =>
        page(
          desk.customers.filter((c) => c.name.toLowerCase().includes((q.get('q') ?? '').toLowerCase())),
          q,
        ),
    ],
    [
      'PATCH',
      /^\/customers\/(\d+)$/,
      (m, q, b) =>
        Object.assign(desk.customers[m[1] - 1], b, { version: desk.customers[m[1] - 1].version + 1 }),
    ],
    [
      'GET',
      /^\/customers\/(\d+)\/conversations$/,
      (m, q) =>
        page(
          desk.heads.filter((h) => h.customer.id === m[1]),
          q,
        ),
    ],
    ['GET', /^\/conversations$/, (m, q) => page(desk.heads.filter(VIEWS[q.get('view') ?? 'mine']), q)],
    [
      'GET',
      /^\/conversation-counts$/,
      () => Object.fromEntries(Object.entries(VIEWS).map(([k, f]) => [k, desk.heads.filter(f).length])),
    ],
    ['GET', /^\/conversations\/(\d+)$/, (m) => head(m[1]) ?? gone],
    [
      'PATCH',
      /^\/conversations\/(\d+)$/,
      (m, q, b) => Object.assign(head(m[1]), b, { version: head(m[1]).version + 1 }),
    ],
    [
      'POST',
      /^\/conversations\/(\d+)\/state$/,
      (m, q, b) => Object.assign(head(m[1]), b, { version: head(m[1]).version + 1 }),
    ],
    [
      'GET',
      /^\/conversations\/(\d+)\/messages$/,
      (m, q) => {
        const all = (desk.messages.get(m[1]) ?? []).filter(
          (x) => !q.has('before') || x.seq < Number(q.get('before')),
        );
        const items = all.slice(-Number(q.get('limit') ?? 30)).reverse();
        return { items, has_more: all.length > items.length };
      },
    ],
    ['GET', /^\/conversations\/(\d+)\/events$/, () => ({ items: [], has_more: false })],
    [
      'GET',
      /^\/conversations\/(\d+)\/draft$/,
      (m) => desk.drafts.get(m[1]) ?? { body: '', kind: 'public', updated_at: null },
    ],
    [
      'PUT',
      /^\/conversations\/(\d+)\/draft$/,
      (m, q, b) => {
        desk.drafts.set(m[1], { ...b, updated_at: null });
        return [204];
      },
    ],
    ['GET', /^\/drafts$/, () => ({ items: [], next_cursor: null })],
    ['GET', /^\/mentions$/, () => ({ items: [], unseen: 0, next_cursor: null })],
    ['POST', /^\/mentions\/seen$/, () => ({ unseen: 0 })],
    ['PUT', /^\/presence$/, (m, q, b) => Object.assign(desk.agents[0].presence, b)],
    [
      'GET',
      /^\/search\/messages$/,
      (m, q) => {
        const words = q.get('q');
        const hits = [...desk.messages.values()]
          .flat()
          .filter((x) => x.body.includes(words))
          .slice(0, 40);
        return page(
          hits.map((x) => ({
            message_id: x.id,
            conversation_id: x.conversation_id,
            seq: x.seq,
            customer_name: head(x.conversation_id).customer.name,
            author_kind: x.author.kind,
            kind: x.kind,
            snippet: x.body.slice(0, 160),
            match_at: x.body.indexOf(words),
            match_len: words.length,
            at: x.created_at,
          })),
          q,
        );
      },
    ],
    [
      'GET',
      /^\/live$/,
      () => ({
        now: new Date(desk.now).toISOString(),
        waiting: 7,
        longest_wait_s: 431,
        with_bot: 12,
        with_agents: 23,
        median_wait_s: 48,
        csat_today: 0.94,
        agents: desk.agents.map(({ agent, presence }) => ({
          ...presence,
          name: agent.name,
          replies_today: 14 * presence.load,
        })),
        teams: [
          { team_id: '1', name: 'Deposits', waiting: 5, longest_wait_s: 431 },
          { team_id: null, name: '', waiting: 2, longest_wait_s: 65 },
        ],
        today: Array.from({ length: 60 }, (_, i) => ({
          at: new Date(Math.floor(desk.now / 86_400_000) * 86_400_000 + i * 900_000).toISOString(),
          started: Math.round(8 + 7 * Math.sin(i / 9) + (i % 5)),
          resolved: Math.round(6 + 6 * Math.sin((i - 4) / 9) + (i % 3)),
        })),
      }),
    ],
    ['GET', /^\/categories$/, () => list(CATEGORIES)],
    [
      'GET',
      /^\/articles$/,
      (m, q) =>
        page(
          ARTICLES.filter((a) => !q.get('category_id') || a[2] === q.get('category_id')).map((a, i) => ({
            id: a[0],
            slug: a[1],
            category_id: a[2],
            risk: a[3],
            position: i,
            updated_at: '2026-11-21T08:00:00Z',
            languages: ['en', 'zh-CN']
              .filter((l) => a[0] !== '4' || l === 'en')
              .map((lang) => ({
                lang,
                title: a[lang === 'en' ? 4 : 5],
                state: a[0] === '3' ? 'draft' : 'published',
                has_unpublished_changes: a[0] === '2',
                helpful: 4,
                not_helpful: 1,
              })),
          })),
          q,
        ),
    ],
    [
      'GET',
      /^\/articles\/(\d+)$/,
      (m) => {
        const a = ARTICLES.find((x) => x[0] === m[1]);
        return a
          ? {
              id: a[0],
              slug: a[1],
              category_id: a[2],
              risk: a[3],
              position: 0,
              version: 1,
              updated_at: '2026-11-21T08:00:00Z',
              translations: [translation(a, 'en'), translation(a, 'zh-CN')],
            }
          : gone;
      },
    ],
    [
      'POST',
      /^\/article-previews$/,
      (m, q, b) => ({ html: b.body.replace(/^## (.*)$/gm, '<h2>$1</h2>').replace(/\n\n/g, '<p>') }),
    ],
    [
      'GET',
      /^\/public\/articles$/,
      (m, q) =>
        list(
          ARTICLES.map((a) => ({
            slug: a[1],
            title: a[q.get('lang') === 'en' ? 4 : 5],
            summary: 'What to check first.',
            category: '',
            url: `/help/${q.get('lang')}/article/${a[1]}`,
          })),
        ),
    ],
    [
      'GET',
      /^\/bot$/,
      () => ({
        enabled: true,
        name: { en: 'Helper', 'zh-CN': '小助手' },
        answer_threshold: 0.62,
        clarify_threshold: 0.4,
        max_misses: 2,
        n_phrasings: 386,
        version: 1,
      }),
    ],
    [
      'GET',
      /^\/bot\/misses$/,
      (m, q) => {
        const all = MISSES.filter((x) => !q.get('language') || x.language === q.get('language'));
        return {
          ...page(all, q),
          since: new Date(desk.now - 30 * 86_400_000).toISOString(),
          counts: [
            { language: 'en', slug: '', title: null, n: 17 },
            { language: 'zh-CN', slug: 'wrong-network', title: '转错网络怎么办', n: 9 },
            { language: 'en', slug: 'lost-2fa', title: null, n: 4 },
          ].filter((x) => !q.get('language') || x.language === q.get('language')),
          total: 30,
        };
      },
    ],
    [
      'POST',
      /^\/bot\/tests$/,
      () => ({
        action: 'answer',
        language: 'en',
        score: 0.87,
        body: 'A deposit needs **confirmations**. Look at your deposit history first.',
        source: { slug: 'deposit-not-credited', title: 'My deposit has not arrived' },
        priority: 'normal',
        reason: 'retrieval',
        candidates: [
          ['deposit-not-credited', 'My deposit has not arrived', 'deposit missing', 0.87],
          ['wrong-network', 'I used the wrong network', 'sent to wrong chain', 0.44],
        ].map(([slug, title, phrasing, score]) => ({ slug, title, phrasing, score })),
      }),
    ],
  ];

  return (method, url, text) => {
    const path = url.pathname.replace('/api/v1', '');
    for (const [verb, pattern, run] of routes) {
      const match = pattern.exec(path);
      if (verb !== method || !match) continue;
      const made = run(match, url.searchParams, text ? JSON.parse(text) : {});
      return Array.isArray(made) ? made : [method === 'POST' && path === '/articles' ? 201 : 200, made];
    }
    return [404, { type: 'about:blank', title: `${method} ${path}`, status: 404, code: 'not_found' }];
  };
}
