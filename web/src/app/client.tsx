/** The client of this page, and its values as React sees them. Everything in app/ reaches the store through here. */
export {
  ThroughlineProvider as ClientProvider,
  useReadable,
  useThroughline as useClient,
} from "../react/throughline.tsx";
