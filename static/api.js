// Calls to the server: one function, one kind of error.

const TOKEN = "hubbub.token";

export class ApiError extends Error {
  constructor(status, body) {
    super(body.message ?? "the server gave no reason");
    this.status = status;
    this.code = body.code;
    this.retryAfter = body.retryAfter;
  }
}

export const token = {
  get: () => localStorage.getItem(TOKEN),
  set: (value) => localStorage.setItem(TOKEN, value),
  forget: () => localStorage.removeItem(TOKEN),
};

export async function call(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  return answerTo(path, { method, headers, body: JSON.stringify(body) });
}

// Sends a form with files.
export function send(path, form) {
  return answerTo(path, { method: "POST", headers: {}, body: form });
}

async function answerTo(path, request) {
  if (token.get()) request.headers.Authorization = `Bearer ${token.get()}`;
  const response = await fetch(path, request);
  const answer = await response.json();
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}
