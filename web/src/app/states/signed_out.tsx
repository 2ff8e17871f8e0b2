import { buttonLook } from "../../ui/button.tsx";
import { FullPage } from "./full_page.tsx";

/** Where the engine's own page for signing in is; it leads back to where one was. */
export function signInAddress(path: string): string {
  return `${__ENGINE_URL__}/sign-in?next=${encodeURIComponent(path)}`;
}

export function SignedOut() {
  return (
    <main className="h-dvh overflow-y-auto">
      <FullPage title="You are signed out">
        <p>Your chats are safe in the engine, and answers being written go on. Sign in to see them.</p>
        <a className={buttonLook("primary")} href={signInAddress(location.pathname)}>
          Sign in
        </a>
      </FullPage>
    </main>
  );
}
