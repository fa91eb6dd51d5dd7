/** A desk with people: an owner, agents, an inbox, and visitors who write. */
import { randomBytes } from 'node:crypto';

import { expectStatus, HttpClient } from './http.js';
import { Server, type ServerOptions } from './server.js';
import { SocketClient, type Frame } from './sockets.js';

export const PASSWORD = 'plum-tram-velvet-93 orbit';
export const clientId = () => randomBytes(12).toString('base64url');

export class AgentClient extends HttpClient {
  id = '';

  openSocket(have: string | null = null, tab = 'tab-1'): SocketClient {
    const cookie = [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    return new SocketClient(`${this.baseUrl.replace('http', 'ws')}/api/v1/socket`, 'ToAgent', { t: 'hello', csrf_token: this.csrf!, have, tab }, { cookie, origin: this.baseUrl });
  }

  async signIn(email: string, password = PASSWORD): Promise<void> {
    const me = await expectStatus<any>(201, this.post('/api/v1/session', { email, password }));
    this.csrf = me.csrf_token;
    this.id = me.agent.id;
  }
}

export class Visitor extends HttpClient {
  token = '';
  conversationId: string | null = null;

  static async open(server: Server, inboxKey: string, extra: Record<string, unknown> = {}): Promise<Visitor> {
    const v = new Visitor(server.url);
    const session = await expectStatus<any>(200, v.post('/api/v1/visitor/session', { inbox: inboxKey, locale: 'en', ...extra }));
    v.token = v.bearer = session.token;
    v.conversationId = session.conversation?.id ?? null;
    return v;
  }

  say(body: string, extra: Record<string, unknown> = {}): Promise<any> {
    return expectStatus(201, this.post('/api/v1/visitor/messages', { client_id: clientId(), body, ...extra }));
  }

  openSocket(have = 0, conversationId: string | null = this.conversationId): SocketClient {
    const hello: Frame = { t: 'hello', token: this.token, conversation_id: conversationId, have };
    return new SocketClient(`${this.baseUrl.replace('http', 'ws')}/api/v1/visitor/socket`, 'ToVisitor', hello, { origin: this.baseUrl });
  }
}

export class Desk {
  private constructor(
    readonly server: Server,
    readonly owner: AgentClient,
    readonly inbox: any,
  ) {}

  /** Owner signed in, one web inbox without bot. */
  static async start(options: ServerOptions = {}, inbox: Record<string, unknown> = {}): Promise<Desk> {
    const server = await Server.start(options);
    try {
      return await Desk.furnish(server, inbox);
    } catch (e) {
      await server.dispose();
      throw e;
    }
  }

  private static async furnish(server: Server, inbox: Record<string, unknown>): Promise<Desk> {
    const owner = new AgentClient(server.url);
    const me = await expectStatus<any>(201, owner.post('/api/v1/setup', { email: 'owner@desk.example', name: 'Olive Owner', password: PASSWORD, brand: 'Nova Exchange' }));
    owner.csrf = me.csrf_token;
    owner.id = me.agent.id;
    const made = await expectStatus<any>(
      201,
      owner.post('/api/v1/inboxes', { name: 'Web', allowed_origins: [server.url], greeting: { en: 'Hi', 'zh-CN': '您好' }, accent: '#0f766e', bot_enabled: false, ...inbox }),
    );
    return new Desk(server, owner, made);
  }

  async roleId(name: string): Promise<string> {
    const roles = await expectStatus<any>(200, this.owner.get('/api/v1/roles'));
    return roles.items.find((r: any) => (r.key ?? r.name) === name).id;
  }

  /** Invites, accepts, signs in. */
  async agent(name: string, role = 'agent', patch: Record<string, unknown> = {}): Promise<AgentClient> {
    const email = `${name.toLowerCase().replaceAll(' ', '.')}@desk.example`;
    const invitation = await expectStatus<any>(201, this.owner.post('/api/v1/invitations', { email, role_id: await this.roleId(role) }));
    const token = new URL(invitation.link, this.server.url).hash.slice(1);
    const agent = new AgentClient(this.server.url);
    const me = await expectStatus<any>(201, agent.post('/api/v1/invitation-acceptances', { token, name, password: PASSWORD }));
    agent.csrf = me.csrf_token;
    agent.id = me.agent.id;
    if (Object.keys(patch).length) {
      await expectStatus(200, this.owner.patch(`/api/v1/agents/${agent.id}`, patch, { 'if-match': `"v${me.agent.version}"` }));
    }
    return agent;
  }

  visitor(extra: Record<string, unknown> = {}): Promise<Visitor> {
    return Visitor.open(this.server, this.inbox.key, extra);
  }

  /** Online, available; answers the offer of the first waiting conversation. */
  async accept(agent: AgentClient, socket: SocketClient): Promise<any> {
    const { offer } = await socket.frame('offer');
    return expectStatus(200, agent.post(`/api/v1/offers/${offer.id}`, { accept: true }));
  }

  dispose(): Promise<void> {
    return this.server.dispose();
  }
}
