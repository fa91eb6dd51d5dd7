import { ApiProblem, unwrap, type Schema } from '@stablehand/api';
import { etag } from '../desk/acts.js';
import { session } from '../../shell/session.svelte.js';
import { EMPTY, fromForm, toForm, type Form, type Lang } from './form.js';

export type Article = Schema['Article'];
type Translation = Schema['Translation'];

export { fromForm, toForm, type Form, type Lang };

/** One language of one article while it is being edited. */
export class TranslationEdit {
  form = $state<Form>({ ...EMPTY });
  stored = $state.raw<Translation | null>(null);
  busy = $state(false);
  /** A colleague was faster; the text here is kept until the writer decides. */
  conflict = $state(false);

  constructor(
    readonly articleId: string,
    readonly lang: Lang,
    stored: Translation | null,
  ) {
    this.take(stored);
  }

  readonly isDirty = $derived(
    JSON.stringify(fromForm(this.form)) !== JSON.stringify(fromForm(toForm(this.stored))),
  );

  take(stored: Translation | null): void {
    this.stored = stored;
    this.form = toForm(stored);
    this.conflict = false;
  }

  save(): Promise<void> {
    return this.run(async () => {
      const header = { 'If-Match': etag(this.stored?.version ?? 0) };
      const params = { path: this.path, header };
      const body = fromForm(this.form);
      this.take(await unwrap(session.api.PUT('/api/v1/articles/{id}/translations/{lang}', { params, body })));
    });
  }

  publish(): Promise<void> {
    return this.run(async () => {
      const header = { 'If-Match': etag(this.stored?.version ?? 0) };
      const params = { path: this.path, header };
      this.take(
        await unwrap(session.api.POST('/api/v1/articles/{id}/translations/{lang}/publication', { params })),
      );
    });
  }

  unpublish(): Promise<void> {
    return this.run(async () => {
      const params = { path: this.path };
      this.take(
        await unwrap(session.api.DELETE('/api/v1/articles/{id}/translations/{lang}/publication', { params })),
      );
    });
  }

  /** After a conflict: theirs into the form, or only their version number, so that the next save goes over it. */
  async resolve(keepMine: boolean): Promise<void> {
    const path = { id: this.articleId };
    const article = await unwrap(session.api.GET('/api/v1/articles/{id}', { params: { path } }));
    const theirs = article.translations.find((x) => x.lang === this.lang) ?? null;
    if (!keepMine) {
      this.take(theirs);
      return;
    }
    const mine = { ...this.form };
    this.take(theirs);
    this.form = mine;
    await this.save();
  }

  async versions(): Promise<Schema['ArticleVersion'][]> {
    const params = { path: this.path };
    return (await unwrap(session.api.GET('/api/v1/articles/{id}/translations/{lang}/versions', { params })))
      .items;
  }

  private get path() {
    return { id: this.articleId, lang: this.lang };
  }

  private async run(act: () => Promise<void>): Promise<void> {
    this.busy = true;
    try {
      await act();
    } catch (problem) {
      if (problem instanceof ApiProblem && problem.status === 412) this.conflict = true;
      throw problem;
    } finally {
      this.busy = false;
    }
  }
}

export async function preview(body: string): Promise<string> {
  return (await unwrap(session.api.POST('/api/v1/article-previews', { body: { body } }))).html;
}
