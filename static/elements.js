// Making elements; what is in them is always text.

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function joined(parent, children) {
  parent.append(...children);
  return parent;
}
