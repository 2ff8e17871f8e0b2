import { useEffect } from "react";
import { useActivity } from "../../react/throughline.tsx";
import { pageTitle } from "./page_title.ts";

/** The title of the tab and the number on the installed application's icon. Draws nothing. */
export function PageBadge({ name }: { name: string | null }) {
  const { running, unreadTotal } = useActivity();
  useEffect(() => {
    document.title = pageTitle({ name, unread: unreadTotal, running: running.length > 0 });
  }, [name, unreadTotal, running.length]);
  useEffect(() => {
    if (!("setAppBadge" in navigator)) return;
    // Refused where the page is not installed: then there is no icon to write on.
    const done = unreadTotal === 0 ? navigator.clearAppBadge() : navigator.setAppBadge(unreadTotal);
    done.catch(() => {});
  }, [unreadTotal]);
  return null;
}
