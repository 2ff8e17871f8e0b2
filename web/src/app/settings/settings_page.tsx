import type { ReactNode } from "react";
import { useState } from "react";
import { useReadable, useThroughline } from "../../react/throughline.tsx";
import { Button } from "../../ui/button.tsx";
import { Switch } from "../../ui/switch.tsx";
import { ShortcutTables } from "../keys/help_sheet.tsx";
import {
  askPermission,
  currentPermission,
  notificationSwitch,
  setWantsNotifications,
  wantsNotifications,
} from "../notify/notification_choice.ts";
import { DataSettings } from "./data_settings.tsx";
import { chooseTheme, readTheme, type Theme } from "./theme.ts";

export function SettingsPage() {
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto flex max-w-read flex-col gap-10 px-5 py-8">
        <h1 className="font-semibold text-xl">Settings</h1>
        <Section title="Appearance">
          <ThemeChoice />
        </Section>
        <Section title="Notifications">
          <NotificationChoice />
        </Section>
        <Section title="Your data">
          <DataSettings />
        </Section>
        <Section title="Keyboard">
          <ShortcutTables />
        </Section>
        <Section title="About">
          <About />
        </Section>
      </div>
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="border-line border-t pt-5">
      <h2 className="mb-4 font-semibold text-lg">{title}</h2>
      {children}
    </section>
  );
}

const themes: readonly { readonly value: Theme; readonly text: string }[] = [
  { value: "system", text: "As the system" },
  { value: "light", text: "Light" },
  { value: "dark", text: "Dark" },
];

function ThemeChoice() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <fieldset>
      <legend className="mb-2 text-soft">Theme</legend>
      <div className="flex flex-wrap gap-2">
        {themes.map(({ value, text }) => (
          <label
            key={value}
            className="flex min-h-10 cursor-pointer items-center gap-2.5 rounded-md border border-line bg-surface px-4 hover:border-edge has-checked:border-thread has-checked:bg-thread-wash"
          >
            <input
              type="radio"
              name="theme"
              value={value}
              checked={theme === value}
              onChange={() => {
                setTheme(value);
                chooseTheme(value);
              }}
            />
            {text}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function NotificationChoice() {
  const [wanted, setWanted] = useState(wantsNotifications);
  const [permission, setPermission] = useState(currentPermission);
  const shown = notificationSwitch(wanted, permission);
  const change = async (on: boolean) => {
    const permitted = on ? await askPermission() : permission;
    const now = on && permitted === "granted";
    setPermission(permitted);
    setWantsNotifications(now);
    setWanted(now);
  };
  return <Switch label="Tell me when an answer is finished" {...shown} onChange={(on) => void change(on)} />;
}

function About() {
  const identity = useReadable(useThroughline().identity);
  if (identity.kind !== "known") return <p className="text-soft">The engine has not said who it is yet.</p>;
  const { me } = identity;
  return (
    <div className="flex flex-col gap-4">
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1">
        <dt className="text-soft">Version</dt>
        <dd>{me.version}</dd>
        <dt className="text-soft">Installation</dt>
        <dd className="break-all">{me.installation}</dd>
        <dt className="text-soft">You are</dt>
        <dd className="break-all">{me.principal}</dd>
      </dl>
      {me.signed_in === "token" && (
        <form method="post" action={`${__ENGINE_URL__}/sign-out`}>
          <Button type="submit">Sign out</Button>
          <p className="mt-2 text-soft text-sm">
            Answers being written go on. Your chats are there when you sign in again.
          </p>
        </form>
      )}
    </div>
  );
}
