import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ThroughlineProvider } from "../../react/throughline.tsx";
import { createFixture } from "../../testing/fixture.ts";
import { SignedOut } from "./signed_out.tsx";

afterEach(cleanup);

test("who was signed out hears so, and the way back in is next", () => {
  render(
    <ThroughlineProvider client={createFixture()}>
      <SignedOut />
    </ThroughlineProvider>,
  );
  expect(document.activeElement).toBe(screen.getByRole("heading", { name: "You are signed out" }));
  expect(screen.getByRole("link", { name: "Sign in" }).getAttribute("href")).toContain("/sign-in?next=");
});
