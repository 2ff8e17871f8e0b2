import type { AnswerEnded, Throughline } from "@throughline/client";
import { currentPermission, wantsNotifications } from "./notification_choice.ts";
import { isLookedAt } from "./presence.ts";

/** The words of a notification. Pure. */
export function noticeOf(ended: AnswerEnded): { readonly title: string; readonly body: string } {
  const title = ended.title === "" ? "Your answer is ready" : ended.title;
  if (ended.status === "error") return { title, body: "The answer broke off. The text so far is kept." };
  if (ended.status === "cancelled")
    return { title, body: "The answer was stopped. The text so far is kept." };
  return { title, body: ended.excerpt === "" ? "The answer is finished." : ended.excerpt };
}

/**
 * Tells of answers that end while nobody looks, if that is wanted and permitted. `open` is called when one is pressed and
 * the page has to go there by itself. Returns what ends that.
 */
export function tellOfAnswers(client: Throughline, open: (conversationId: string) => void): () => void {
  return client.onAnswerEnded(async (ended) => {
    if (!wantsNotifications() || currentPermission() !== "granted" || (await isLookedAt())) return;
    const { title, body } = noticeOf(ended);
    const options = {
      body,
      tag: ended.conversationId,
      icon: "/icons/icon-192.png",
      badge: "/icons/badge-96.png",
    };
    // Phones show only those of a service worker, and those outlive the tab.
    const registration = await navigator.serviceWorker?.getRegistration();
    if (registration?.active) {
      await registration.showNotification(title, {
        ...options,
        data: { path: `/c/${ended.conversationId}` },
      });
      return;
    }
    const notice = new Notification(title, options);
    notice.onclick = () => {
      window.focus();
      open(ended.conversationId);
      notice.close();
    };
  });
}
