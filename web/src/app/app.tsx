export function App() {
  return <main className="p-6 text-ink">Throughline</main>;
}
