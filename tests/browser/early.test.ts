// What is done before the page knows who is asking is not lost.
import { expect, test } from "vitest";
import { until } from "../system/support/process.ts";
import { expectExactWords } from "./support/exact.ts";
import { useScene } from "./support/scene.ts";

const scene = useScene();

test("a message sent before the engine has said who is asking is sent, and its answer shown", async () => {
  const device = await scene.device();
  let release = () => {};
  const held = new Promise<void>((resolve) => { release = resolve; });
  await device.context.route("**/me", (route) => held.then(() => route.continue()));
  const chat = await device.open();
  const { key } = await chat.ask({ tokens: 30 });
  release();
  await expectExactWords(scene, chat, key);
});

test("what is typed while the page finds out who is asking stays as it is typed", async () => {
  const device = await scene.device();
  let release = () => {};
  const held = new Promise<void>((resolve) => { release = resolve; });
  await device.context.route("**/me", (route) => held.then(() => route.continue()));
  const chat = await device.open();
  await chat.composer.click();
  await chat.page.keyboard.type("on");
  release();
  await until("the page is connected", async () => /^Connected/.test(await chat.connectionMark.innerText()));
  await chat.page.keyboard.type("e");
  expect(await chat.composer.inputValue()).toBe("one");
});
