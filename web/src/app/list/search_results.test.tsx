import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ThroughlineProvider } from "../../react/throughline.tsx";
import { createFixture, type Fixture } from "../../testing/fixture.ts";
import { SearchResults } from "./search_results.tsx";

afterEach(cleanup);

const hit = (id: string, title: string, snippet = "") => ({
  conversationId: id,
  title,
  snippet,
  updatedAt: 0,
});

function search(query: string, arrange: (client: Fixture) => void) {
  const client = createFixture();
  arrange(client);
  render(
    <ThroughlineProvider client={client}>
      <SearchResults query={query} currentId="b" />
    </ThroughlineProvider>,
  );
}

const said = (text: string) => waitFor(() => expect(screen.getByRole("status").textContent).toBe(text));

test("what is found has its matches marked, and arrows lead through it", async () => {
  search("birds", (client) => {
    client.found = {
      from: "engine",
      hits: [hit("a", "Birds of the sea"), hit("b", "Mud", "where birds eat")],
    };
  });
  expect(screen.getByRole("status").textContent).toBe("Searching…");
  await said("2 chats");
  expect(Array.from(document.querySelectorAll("mark"), (mark) => mark.textContent)).toEqual([
    "Birds",
    "birds",
  ]);
  const [first, second] = screen.getAllByRole("link");
  first?.focus();
  fireEvent.keyDown(first ?? document.body, { key: "ArrowDown" });
  expect(document.activeElement).toBe(second);
  expect(second?.getAttribute("aria-current")).toBe("page");
});

test("nothing found, and found in the cache, are said", async () => {
  search("x", () => {});
  await said("Nothing found");
  cleanup();
  search("x", (client) => {
    client.found = { from: "cache", hits: [hit("a", "x")] };
  });
  await said("1 chat among those kept on this device: the engine cannot be asked now");
});

test("a search that fails says so", async () => {
  search("x", (client) => {
    client.search = () => Promise.reject(new Error("no"));
  });
  await said("The search did not work. Change a letter to try again.");
});
