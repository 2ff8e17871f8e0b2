/**
 * Where a link of an answer may lead, and how it shows it. Only absolute http, https and mailto addresses become links; of all
 * others the text and the target are shown, so that nothing is hidden and nothing can be followed.
 */
import type { ReactNode } from "react";
import { hasControls, showControls } from "./bidi.tsx";

export type Target =
  | { readonly kind: "open"; readonly href: string; readonly place: string; readonly disguised: boolean }
  | { readonly kind: "refused"; readonly shown: string };

const shownMax = 200;

/** Judges an address as the model wrote it. The browser's own parser decides what it is, tricks with spaces included. */
export function targetOf(address: string): Target {
  let url: URL | undefined;
  try {
    url = new URL(address);
  } catch {
    url = undefined;
  }
  if (url?.protocol === "mailto:") {
    return { kind: "open", href: url.href, place: decoded(url.pathname), disguised: false };
  }
  if ((url?.protocol === "https:" || url?.protocol === "http:") && url.host !== "") {
    const disguised = url.username !== "" || url.password !== "" || hasControls(address);
    return { kind: "open", href: url.href, place: url.host, disguised };
  }
  return { kind: "refused", shown: address.length > shownMax ? `${address.slice(0, shownMax)}…` : address };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `text` is what the children read, to tell whether the link already says where it goes. */
export function Link({
  address,
  title,
  text,
  children,
}: {
  address: string;
  title: string;
  text: string;
  children: ReactNode;
}) {
  const target = targetOf(address);
  if (target.kind === "refused") {
    return (
      <>
        <bdi>{children}</bdi> <bdi className="md-place">({showControls(target.shown)})</bdi>
      </>
    );
  }
  const says = !target.disguised && saysItself(text, target);
  return (
    <a
      href={target.href}
      target="_blank"
      rel="noopener noreferrer"
      title={title === "" ? target.href : `${title}\n${target.href}`}
    >
      <bdi>{children}</bdi>
      {says ? null : <bdi className="md-place md-place-in-link">({showControls(target.place)})</bdi>}
    </a>
  );
}

/** The text is the address itself: the same host at its beginning, whole. */
function saysItself(text: string, target: Extract<Target, { kind: "open" }>): boolean {
  const bare = text.trim().replace(/^(?:https?:\/\/|mailto:)/i, "");
  const address = target.href.replace(/^(?:https?:\/\/|mailto:)/i, "");
  if (!address.startsWith(target.place)) return bare === target.place;
  return bare === target.place || bare === address || `${bare}/` === address;
}
