// One message on the page, or one on its way.

import { attachmentOf } from "./attachments.js";
import { element, joined } from "./elements.js";
import { excerpt, linked, momentOf, timeOf } from "./words.js";

export const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

function button(text, label, action, className = "plain") {
  const made = element("button", text, className);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

// `view` is the timeline, which knows the room and carries out what is asked for.
export function messageItem(view, message, { first, receipt }) {
  const own = message.senderId === view.me;
  const item = element("li", "", `message${own ? " own" : ""}${first ? " first" : ""}`);
  item.dataset.id = message.id;
  if (first) item.append(headOf(message, own));
  const bubble = element("div", "", "bubble");
  if (message.replyTo) bubble.append(quoteOf(view, message.replyTo));
  if (message.deletedAt) bubble.append(element("p", "Message deleted", "gone"));
  else if (message.content) bubble.append(joined(element("p", "", "text"), linked(message.content)));
  bubble.append(...message.attachments.map(attachmentOf));
  if (message.editedAt && !message.deletedAt) bubble.append(element("small", "edited", "edited"));
  const row = joined(element("div", "", "line"), [bubble]);
  if (!message.deletedAt) row.append(menuOf(view, message, own));
  item.append(row);
  const reactions = Object.entries(message.reactions ?? {});
  if (reactions.length) item.append(reactionsOf(view, message, reactions));
  if (receipt) item.append(element("small", receipt, "receipt"));
  return item;
}

export function draftItem(view, draft) {
  const item = element("li", "", `message own draft${draft.error ? " failed" : ""}`);
  const bubble = element("div", "", "bubble");
  if (draft.content) bubble.append(element("p", draft.content, "text"));
  for (const upload of draft.uploads) bubble.append(element("p", `📎 ${upload.name}`));
  item.append(joined(element("div", "", "line"), [bubble]));
  if (!draft.error) {
    item.append(element("small", view.isOpen ? "Sending…" : "Waiting for a connection…", "receipt"));
    return item;
  }
  const failure = element("small", `Not sent: ${draft.error} `, "receipt");
  failure.append(
    button("Try again", "", () => view.again(draft), "link"),
    button("Discard", "", () => view.discard(draft), "link"),
  );
  item.append(failure);
  return item;
}

function headOf(message, own) {
  const head = element("div", "", "head");
  if (!own) head.append(element("strong", message.senderUsername));
  const time = element("time", timeOf(message.createdAt), "faint");
  time.dateTime = message.createdAt;
  time.title = momentOf(message.createdAt);
  head.append(time);
  return head;
}

function quoteOf(view, id) {
  const answered = view.room.find(id);
  const quote = button("", "", () => view.goTo(id), "quote");
  if (answered) {
    quote.append(element("strong", answered.senderUsername), ` ${excerpt(answered)}`);
  } else {
    quote.textContent = "An earlier message";
    quote.disabled = true;
  }
  return quote;
}

function menuOf(view, message, own) {
  const menu = element("div", "", "menu");
  const more = button("⋯", "What to do with this message", () => {
    const open = menu.classList.toggle("open");
    more.setAttribute("aria-expanded", open);
  });
  more.setAttribute("aria-expanded", "false");
  const close = (action) => () => {
    menu.classList.remove("open");
    more.setAttribute("aria-expanded", "false");
    action();
  };
  const choices = element("div", "", "choices");
  for (const emoji of EMOJI) {
    const mine = message.reactions?.[emoji]?.includes(view.me) ?? false;
    choices.append(button(emoji, `React with ${emoji}`, close(() => view.react(message, emoji, !mine))));
  }
  choices.append(button("Reply", "", close(() => view.reply(message))));
  if (own && message.content) choices.append(button("Edit", "", close(() => view.edit(message))));
  if (own || view.isInCharge) {
    choices.append(button("Delete", "", close(() => view.remove(message)), "plain bad"));
  }
  menu.append(more, choices);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close(() => more.focus())();
  });
  return menu;
}

function reactionsOf(view, message, reactions) {
  const row = element("div", "", "reactions");
  for (const [emoji, users] of reactions) {
    const mine = users.includes(view.me);
    const label = `${emoji}: ${users.length}${mine ? ", yours too" : ""}`;
    const made = button(`${emoji} ${users.length}`, label, () => view.react(message, emoji, !mine));
    made.setAttribute("aria-pressed", mine);
    row.append(made);
  }
  return row;
}
