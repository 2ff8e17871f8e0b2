import "./tokens.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { makeClient } from "./app/make_client.ts";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const client = await makeClient();
client.start();
createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);
