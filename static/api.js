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
  const headers = {};
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}
