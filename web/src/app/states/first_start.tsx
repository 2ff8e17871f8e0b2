import { useConnection, useThroughline } from "../../react/throughline.tsx";
import { Button } from "../../ui/button.tsx";
import { FullPage } from "./full_page.tsx";

/** The very first start on this device, and no engine: nothing is known, not even who is asking. */
export function FirstStart() {
  const client = useThroughline();
  const { state } = useConnection();
  const offline = state.kind === "offline";
  return (
    <FullPage title={offline ? "You are offline" : "The engine does not answer"}>
      <p role="status">
        {offline
          ? "This device has nothing of your chats yet. They appear as soon as it is online."
          : "It may be starting, or the way to it is closed. Nothing is lost; this page goes on trying by itself."}
      </p>
      {state.kind === "waiting" && <p className="text-faint text-sm">{state.cause}</p>}
      {!offline && <Button onClick={() => client.reconnect()}>Try now</Button>}
    </FullPage>
  );
}
