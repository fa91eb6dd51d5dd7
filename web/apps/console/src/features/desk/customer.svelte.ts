import { ApiProblem, unwrap, type Schema } from '@stablehand/api';
import { session } from '../../shell/session.svelte.js';
import { etag } from './acts.js';
import { desk } from './desk.svelte.js';

type Customer = Schema['Customer'];

/** The part of a customer's profile that agents write. Two may do so at once: the server refuses the later one, and both versions are shown. */
export class CustomerEdit {
  notes = $state('');
  fields = $state<{ name: string; value: string }[]>([]);
  phase = $state<'clean' | 'saving' | 'conflict' | 'failed'>('clean');
  theirs = $state.raw<Customer | null>(null);
  private base = $state.raw<Customer | null>(null);

  constructor(customer: Customer) {
    this.take(customer);
  }

  readonly isDirty = $derived(
    this.base !== null &&
      (this.notes !== this.base.notes ||
        JSON.stringify(record(this.fields)) !== JSON.stringify(this.base.fields)),
  );

  take(customer: Customer): void {
    this.base = customer;
    this.notes = customer.notes;
    this.fields = Object.entries(customer.fields).map(([name, value]) => ({ name, value }));
    this.theirs = null;
    this.phase = 'clean';
  }

  /** A newer version arrived while nothing is being changed here. */
  refresh(customer: Customer): void {
    if (!this.isDirty && customer.version > (this.base?.version ?? 0)) this.take(customer);
  }

  async save(): Promise<void> {
    const base = this.theirs ?? this.base;
    if (!base) return;
    this.phase = 'saving';
    const params = { path: { id: base.id }, header: { 'If-Match': etag(base.version) } };
    const body = { notes: this.notes, fields: record(this.fields) };
    try {
      this.taken(await unwrap(session.api.PATCH('/api/v1/customers/{id}', { params, body })));
    } catch (problem) {
      if (!(problem instanceof ApiProblem && problem.status === 412)) {
        this.phase = 'failed';
        throw problem;
      }
      const path = { id: base.id };
      this.theirs = await unwrap(session.api.GET('/api/v1/customers/{id}', { params: { path } }));
      this.phase = 'conflict';
    }
  }

  takeTheirs(): void {
    if (this.theirs) this.taken(this.theirs);
  }

  private taken(customer: Customer): void {
    this.take(customer);
    for (const head of desk.heads.values()) {
      if (head.customer.id === customer.id) desk.heads.set(head.id, { ...head, customer });
    }
  }
}

function record(fields: readonly { name: string; value: string }[]): Record<string, string> {
  const kept = fields.filter((f) => f.name.trim() !== '');
  return Object.fromEntries(kept.map((f) => [f.name.trim(), f.value]));
}
