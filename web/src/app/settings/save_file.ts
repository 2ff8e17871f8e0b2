/** Gives a file to the browser, which asks the person or puts it where downloads go. */
export function saveFile(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun with the click; a moment later nobody needs the address.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
