export type Permission = NotificationPermission | "unsupported";

/** What the switch in the settings shows for a choice of the person and what the browser permits. Pure. */
export function notificationSwitch(
  wanted: boolean,
  permission: Permission,
): { readonly checked: boolean; readonly disabled: boolean; readonly detail: string } {
  switch (permission) {
    case "unsupported":
      return {
        checked: false,
        disabled: true,
        detail: "This browser cannot show any. On a phone, add the page to the home screen first.",
      };
    case "denied":
      return {
        checked: false,
        disabled: true,
        detail:
          "This browser blocks them for this page. Allow them in the settings of the page, beside its address.",
      };
    case "default":
      return {
        checked: false,
        disabled: false,
        detail: "When an answer is finished while no tab is looked at. The browser will ask you once.",
      };
    case "granted":
      return {
        checked: wanted,
        disabled: false,
        detail: "When an answer is finished while no tab is looked at.",
      };
  }
}

const key = "throughline.notifications";

export function wantsNotifications(): boolean {
  try {
    return localStorage.getItem(key) === "on";
  } catch {
    return false;
  }
}

export function setWantsNotifications(wanted: boolean): void {
  try {
    if (wanted) localStorage.setItem(key, "on");
    else localStorage.removeItem(key);
  } catch {
    // Without storage nothing is kept, and nothing is shown.
  }
}

export function currentPermission(): Permission {
  return "Notification" in globalThis ? Notification.permission : "unsupported";
}

/** Asks the browser, which asks the person: only ever called when the switch is turned on. */
export async function askPermission(): Promise<Permission> {
  return "Notification" in globalThis ? await Notification.requestPermission() : "unsupported";
}
