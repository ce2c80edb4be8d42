// What the page says of what was asked for: one line, for a while.

import { ApiError, token } from "./api.js";

const SHOWN = 6_000;

const line = document.getElementById("notice");
let timer;
let leave = () => {};

export function onLoggedOut(action) {
  leave = action;
}

export function notice(text, bad = false) {
  clearTimeout(timer);
  line.textContent = text;
  line.classList.toggle("bad", bad);
  // Shown anew, so that it lies above a dialog that was opened since.
  if (line.matches(":popover-open")) line.hidePopover();
  if (text) line.showPopover();
  if (text) timer = setTimeout(() => notice(""), SHOWN);
}

// Runs what somebody asked for, and says so if nothing came of it.
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && token.get()) leave();
    notice(error.message, true);
  }
}

export function onSubmit(form, action) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    button.disabled = true;
    await attempt(() => action(Object.fromEntries(new FormData(form)), form));
    button.disabled = false;
  });
}
