import type { Throughline } from "@throughline/client";
import { useEffect, useState } from "react";
import { Router } from "wouter";
import { ThroughlineProvider, useReadable, useThroughline } from "../react/throughline.tsx";
import { fetchPartsWhenIdle } from "../ui/lazily.tsx";
import { RegionBoundary } from "./layout/region_boundary.tsx";
import { Shell } from "./layout/shell.tsx";
import { showPresence } from "./notify/presence.ts";
import { followTheme } from "./settings/theme.ts";
import { SignedOut } from "./states/signed_out.tsx";

/** The whole application around a client that has been started. */
export function App({ client }: { client: Throughline }) {
  useEffect(followTheme, []);
  useEffect(showPresence, []);
  useEffect(() => onceListed(client, fetchPartsWhenIdle), [client]);
  return (
    <ThroughlineProvider client={client}>
      <RegionBoundary name="The page">
        <Router>
          <WhoIsAsking />
        </Router>
      </RegionBoundary>
    </ThroughlineProvider>
  );
}

/** Nothing comes before the list of chats. */
function onceListed({ conversations }: Throughline, run: () => void): () => void {
  const look = () => {
    if (conversations.get().loading !== "ready") return;
    stop();
    run();
  };
  const stop = conversations.subscribe(look);
  look();
  return stop;
}

/** Another person is another page: nothing of what was open for one stays for the other. */
function WhoIsAsking() {
  const identity = useReadable(useThroughline().identity);
  if (identity.kind === "signed_out") return <SignedOut />;
  return (
    <ShellOf
      whose={identity.kind === "known" ? `${identity.me.installation} ${identity.me.principal}` : null}
    />
  );
}

/** Who was there before the engine said who it is turns out to be the first one it names: what they have begun to write is theirs. */
function ShellOf({ whose }: { whose: string | null }) {
  const [first, setFirst] = useState(whose);
  if (first === null && whose !== null) setFirst(whose);
  return <Shell whose={whose === null || whose === first ? "first" : whose} />;
}
