// "Try it": sends what the forms say, with a key that lives in this page's memory only.
(() => {
  "use strict";
  const keyForm = document.querySelector("[data-key]");
  if (keyForm) {
    keyForm.hidden = false;
    keyForm.addEventListener("submit", (event) => event.preventDefault());
  }

  // On a phone the contents would push the text away.
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".index details")?.removeAttribute("open");

  for (const form of document.querySelectorAll("[data-try]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const out = form.querySelector("[data-answer]");
      out.hidden = false;
      out.textContent = "…";
      try { out.textContent = await send(form); } catch (error) { out.textContent = String(error); }
    });
  }

  async function send(form) {
    let path = form.dataset.path;
    const query = new URLSearchParams();
    for (const input of form.querySelectorAll("input[data-place]")) {
      if (input.dataset.place === "address") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(input.name, input.value);
    }
    const method = form.dataset.method;
    const headers = { Authorization: `Bearer ${document.querySelector("#key").value.trim()}`, Accept: "application/json" };
    const body = form.querySelector("[data-body]")?.value;
    if (body) headers["Content-Type"] = "application/json";
    if (method === "POST") headers["Idempotency-Key"] = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
    const answer = await fetch(query.size ? `${path}?${query}` : path, { method, headers, body });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* Not JSON: as it came. */ }
    return `${answer.status} ${answer.statusText}\nRequest-Id: ${answer.headers.get("Request-Id")}\n\n${shown}`;
  }
})();
