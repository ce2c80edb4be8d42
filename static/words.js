// How times, names and texts are written.

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export const timeOf = (text) => clock.format(new Date(text));
export const momentOf = (text) => whole.format(new Date(text));
export const dayOf = (text) => new Date(text).toDateString();

export function dayName(text) {
  const day = new Date(text);
  const today = new Date();
  if (day.toDateString() === today.toDateString()) return "Today";
  if (today - day < 6 * DAY) return weekday.format(day);
  return date.format(day);
}

export function shortTime(text) {
  return dayName(text) === "Today" ? timeOf(text) : dayName(text);
}

// One line of a message, for lists and answers.
export function excerpt(message) {
  if (message.deletedAt) return "Message deleted";
  const [first] = message.attachments;
  return message.content || (first ? `📎 ${first.name}` : "");
}

export function typingText(names) {
  if (!names.length) return "";
  if (names.length > 2) return "Several people are typing…";
  return `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing…`;
}

const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/gu;

// A text with its addresses as links; all of it goes in as text.
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const link = document.createElement("a");
    link.href = found[0];
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    link.textContent = found[0];
    parts.push(text.slice(end, found.index), link);
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}
