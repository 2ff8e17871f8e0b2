import { expect, it } from "vitest";
import { notificationSwitch } from "./notification_choice.ts";

it("is on only when it is wanted and permitted", () => {
  expect(notificationSwitch(true, "granted").checked).toBe(true);
  expect(notificationSwitch(false, "granted").checked).toBe(false);
  expect(notificationSwitch(true, "default").checked).toBe(false);
  expect(notificationSwitch(true, "denied").checked).toBe(false);
});

it("can be turned on only where that may help, and says what else would", () => {
  expect(notificationSwitch(false, "default").disabled).toBe(false);
  expect(notificationSwitch(false, "denied")).toMatchObject({ disabled: true });
  expect(notificationSwitch(false, "denied").detail).toContain("Allow them");
  expect(notificationSwitch(false, "unsupported").disabled).toBe(true);
});
