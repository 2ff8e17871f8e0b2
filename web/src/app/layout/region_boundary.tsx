import { Component, type ReactNode } from "react";
import { Button } from "../../ui/button.tsx";

interface RegionBoundaryProps {
  /** What it is, as the beginning of a sentence. */
  name: string;
  children: ReactNode;
  /** When it changes, what is inside is tried again: another conversation is another chance. */
  resetKey?: string | undefined;
}

/** Keeps a mistake of ours in one region from taking the page with it. */
export class RegionBoundary extends Component<RegionBoundaryProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidUpdate(before: RegionBoundaryProps) {
    if (this.state.failed && before.resetKey !== this.props.resetKey) this.setState({ failed: false });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div
        role="alert"
        className="m-auto flex max-w-dialog flex-1 flex-col items-start justify-center gap-3 p-6"
      >
        <p className="font-medium">{this.props.name} could not be shown.</p>
        <p className="text-soft">
          That is a mistake in this page, not in your chats: the engine keeps them, and answers being written
          go on.
        </p>
        <Button onClick={() => location.reload()}>Reload</Button>
      </div>
    );
  }
}
