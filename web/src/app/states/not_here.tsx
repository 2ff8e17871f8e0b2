import { Link } from "wouter";
import { buttonLook } from "../../ui/button.tsx";
import { FullPage } from "./full_page.tsx";

/** An address that leads nowhere. */
export function NotHere() {
  return (
    <FullPage title="There is nothing here">
      <p>The address may be misspelt, or of something that is gone.</p>
      <Link href="/" className={buttonLook("primary")}>
        New chat
      </Link>
    </FullPage>
  );
}
