import { buttonLook } from "../../ui/button.tsx";
import { PageBadge } from "../notify/page_badge.tsx";
import { FullPage } from "./full_page.tsx";

/** Where the engine's own page for signing in is; it leads back to where one was. */
export function signInAddress(path: string): string {
  return `${__ENGINE_URL__}/sign-in?next=${encodeURIComponent(path)}`;
}

/** Instead of everything: neither the page nor its title says what was open. */
export function SignedOut() {
  return (
    <main className="h-dvh overflow-y-auto">
      <PageBadge name={null} />
      <FullPage title="You are signed out" takesFocus>
        <p>Your chats are safe in the engine, and answers being written go on. Sign in to see them.</p>
        <a className={buttonLook("primary")} href={signInAddress(location.pathname)}>
          Sign in
        </a>
      </FullPage>
    </main>
  );
}
