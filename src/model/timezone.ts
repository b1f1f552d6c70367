/** True where `name` is a time zone that this platform knows, such as `Europe/Berlin` or `UTC`. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format();
    return true;
  } catch {
    return false;
  }
}
