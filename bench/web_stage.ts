// Where `./dev bench web` and the tests of its budgets play: the real binary with the application in it, a model that says what it
// is told, and one Chromium. What is measured in the page is in web_page.ts.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Chromium } from "../tests/browser/support/chromium.ts";
import { speech } from "../tests/browser/support/speaker.ts";
import { type RawModel, startRawModel } from "../tests/fault/support/raw_model.ts";
import { type Engine, startEngine } from "../tests/system/support/engine.ts";
import { until } from "../tests/system/support/process.ts";
import { watchPage } from "./web_page.ts";

export class Stage {
  engine!: Engine;
  model!: RawModel;
  chromium!: Chromium;

  static async begin(): Promise<Stage> {
    const stage = new Stage();
    stage.chromium = await Chromium.begin();
    stage.model = await startRawModel();
    stage.engine = await startEngine({ model: stage.model.base });
    return stage;
  }

  async end(): Promise<void> {
    await this.chromium.dispose();
    await this.engine.dispose();
    await this.model.stop();
  }

  /** A tab of a browser that has never been here, on a desk's screen, whose long tasks and frames are noted. */
  async tab(path: string) {
    const context = await this.chromium.browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.addInitScript(watchPage);
    const page = await context.newPage();
    await page.goto(this.engine.url + path);
    await page.getByRole("textbox", { name: "Message", exact: true }).waitFor();
    return { context, page };
  }

  async conversation(title: string): Promise<string> {
    const { id } = await this.engine.expect<{ id: string }>(201, "POST", "/conversations", { title });
    return id;
  }

  /** Posts a question that is answered with these pieces, so many a second. */
  async ask(conversation: string, pieces: readonly string[], perSecond = Infinity): Promise<void> {
    const { question: content } = speech(this.model, pieces, perSecond);
    await this.engine.expect(202, "POST", `/conversations/${conversation}/messages`, { content });
  }

  async idle(): Promise<void> {
    await until(
      "no answer runs",
      async () => {
        const { data } = await this.engine.expect<{ data: unknown[] }>(200, "GET", "/active-streams");
        return data.length === 0;
      },
      120_000,
    );
  }

  /**
   * A conversation of `count` messages. One exchange goes through the engine; its rows are repeated in SQLite while the engine
   * is stopped, because ten thousand turns one after the other, each with all before it as context, would take hours.
   */
  async longConversation(title: string, count: number, answer: string): Promise<string> {
    const id = await this.conversation(title);
    await this.ask(id, [answer]);
    await this.idle();
    await this.engine.stop();
    const database = new DatabaseSync(join(this.engine.dataDir, "throughline.db"));
    const rows = database.prepare("SELECT * FROM messages WHERE conversation_id = ? ORDER BY seq").all(id);
    const columns = Object.keys(rows[0]!);
    const insert = database.prepare(
      `INSERT INTO messages(${columns.join()}) VALUES(${columns.map(() => "?").join()})`,
    );
    const owner = rows[0]!["owner"]!;
    let rev = Number(database.prepare("SELECT rev FROM owners WHERE owner = ?").get(owner)!["rev"]);
    let parent = rows.at(-1)!["id"]!;
    database.exec("BEGIN");
    for (let seq = Number(rows.at(-1)!["seq"]) + 1, made = rows.length; made < count; seq += 1, made += 1) {
      const row = rows[made % rows.length]!;
      const content = `${row["role"] === "user" ? `Question ${seq}` : answer}`;
      rev += 1;
      const fresh = { ...row, id: randomUUID(), parent_id: parent, seq, rev, task_id: null, content };
      insert.run(...columns.map((column) => fresh[column as keyof typeof fresh] ?? null));
      parent = fresh.id;
    }
    database.prepare("UPDATE owners SET rev = ? WHERE owner = ?").run(rev, owner);
    database
      .prepare(
        "UPDATE conversations SET rev = ?, last_seq = (SELECT max(seq) FROM messages WHERE conversation_id = id) WHERE id = ?",
      )
      .run(rev, id);
    database.exec("COMMIT");
    database.close();
    this.engine = await this.engine.restart("SIGTERM");
    return id;
  }
}
