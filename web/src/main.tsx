import "./tokens.css";
import { createThroughline, type Throughline } from "@throughline/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { registerServiceWorker } from "./app/service_worker.ts";

/** `?scenes` shows the page without an engine while it is developed; that is in no build. */
async function makeClient(): Promise<Throughline> {
  if (import.meta.env.DEV && new URLSearchParams(location.search).has("scenes"))
    return (await import("./testing/side_scenes.ts")).sideScenes();
  return createThroughline({ baseUrl: __ENGINE_URL__ });
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const client = await makeClient();
client.start();
createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);
if (import.meta.env.PROD) registerServiceWorker();
