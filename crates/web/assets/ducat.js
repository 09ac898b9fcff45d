// Makes pages live. Every page works without it.
(() => {
  "use strict";
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Puts the fresh main part in place of the old one. A page that leads elsewhere now is simply loaded.
  let busy = false;
  async function refresh() {
    const main = $("main[data-order]");
    if (!main || busy) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { redirect: "manual", headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.type === "opaqueredirect") return location.reload();
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = $("main[data-order]", fresh);
      if (next && next.dataset.version !== main.dataset.version) swap(main, next, fresh.title);
    } catch { /* The network is away; the next look will tell. */ } finally { busy = false; }
  }

  function swap(main, next, title) {
    const open = $$("details[open]", main).map((d) => d.closest("[data-event]")?.dataset.event ?? d.parentElement.querySelector("h2")?.id);
    const hadFocus = main.contains(document.activeElement);
    const known = new Set($$("[data-event]", main).map((e) => e.dataset.event));
    main.replaceWith(next);
    document.title = title;
    for (const d of $$("details", next)) {
      if (open.includes(d.closest("[data-event]")?.dataset.event ?? d.parentElement.querySelector("h2")?.id)) d.open = true;
    }
    for (const e of $$("[data-event]", next)) if (!known.has(e.dataset.event)) e.classList.add("fresh");
    if (hadFocus) next.focus({ preventScroll: true });
    $("#news").textContent = $("#heading", next)?.textContent ?? "";
    enliven();
  }

  // Listens for changes; where that is not possible, looks every few seconds.
  const ended = ["succeeded", "failed", "canceled", "expired"];
  let source, timer;
  function follow() {
    const main = $("main[data-live]");
    if (!main || source || timer) return;
    if (main.hasAttribute("data-waits") && main.dataset.next !== location.pathname) history.replaceState(null, "", main.dataset.next);
    const poll = () => { timer ??= setInterval(() => ($("main[data-live]") ? refresh() : clearInterval(timer)), 3000); };
    if (!("EventSource" in window)) return poll();
    source = new EventSource(`/pay/${main.dataset.order}/stream`);
    source.addEventListener("status", (event) => {
      const told = JSON.parse(event.data);
      if (String(told.version) !== $("main[data-order]").dataset.version) refresh();
      if (!ended.includes(told.status)) return;
      source.close();
      // What comes after the end, such as the PSP's fee, is looked for a few times.
      if (main.hasAttribute("data-late")) [2, 4, 8, 15, 30].forEach((s) => setTimeout(refresh, s * 1000));
      if (main.hasAttribute("data-after")) after();
    });
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) poll(); });
  }

  // After the sale money may go back: a page that somebody looks at looks again now and then, for a while.
  function after() {
    let looks = 0;
    const look = setInterval(() => {
      if (++looks > 360) clearInterval(look);
      else if (!document.hidden) refresh();
    }, 10000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  }

  // How long is left, counted from the server's clock.
  const loaded = performance.now();
  function countDown() {
    const time = $("time[data-until]");
    if (!time) return;
    const left = (new Date(time.dateTime) - new Date(time.dataset.now) - (performance.now() - loaded)) / 1000;
    const out = $("[data-left]");
    if (left <= 0) { out.textContent = ""; return; }
    const whole = Math.floor(left), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    out.textContent = hours ? `(${hours}:${two(minutes)} hours left)` : `(${minutes}:${two(whole % 60)} left)`;
  }

  // The basket adds up while one chooses.
  function basket() {
    const form = $("[data-basket]");
    if (!form) return;
    const places = Number(form.dataset.exponent);
    const inputs = $$("input[data-minor]", form);
    const add = () => {
      const minor = inputs.reduce((sum, i) => sum + i.dataset.minor * Math.max(0, Math.trunc(i.value || 0)), 0);
      const digits = String(minor).padStart(places + 1, "0");
      const text = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
      $("[data-total]", form).textContent = `${text} ${form.dataset.currency}`;
    };
    form.addEventListener("input", add);
    for (const button of $$("[data-step]", form)) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const input = $("input", button.parentElement);
        const next = Number(input.value || 0) + Number(button.dataset.step);
        input.value = Math.min(Number(input.max), Math.max(0, next));
        add();
      });
    }
    add();
  }

  function enliven() {
    for (const button of $$("[data-print]")) { button.hidden = false; button.onclick = () => print(); }
    countDown();
    follow();
  }

  enliven();
  basket();
  setInterval(countDown, 1000);
  // A page that comes back from the browser's cache may tell of yesterday.
  addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
})();
