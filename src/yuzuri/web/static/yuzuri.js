// Comfort only: every page works without this file.

const PAUSE_MS = 350;
const REFRESH_MS = 8_000;
const REFRESH_MS_MAX = 120_000;

for (const form of document.querySelectorAll("form:has([data-fills])")) countLast(form);
for (const form of document.querySelectorAll("[data-preview]")) keepPreview(form);
for (const form of document.querySelectorAll("[data-once]")) sendOnce(form);
for (const form of document.querySelectorAll("[data-code-form]")) takeCode(form);
for (const button of document.querySelectorAll("[data-copy]")) copyText(button);
for (const button of document.querySelectorAll("[data-share]")) shareLink(button);
for (const way of document.querySelectorAll("[data-forgets]")) forgetLink(way);
if (document.querySelector("[data-live]")) stayUpToDate();
closeMenus();

// A field and what can be tapped instead of it: what was touched last counts.
function countLast(form) {
  form.addEventListener("input", ({ target: field }) => {
    const tapped = field.closest("[data-fills]");
    if (tapped) form.elements.namedItem(tapped.dataset.fills).value = "";
    else if (field.value) uncheck(form, `[data-fills="${CSS.escape(field.name)}"] input`);
    if (field.name !== "unit") return;
    const amount = form.elements.namedItem("amount");
    amount.value = "";
    amount.placeholder = field.dataset.example;
    uncheck(form, '[data-fills="amount"] input');
  });
}

// While the form is filled in, show what would come of it.
function keepPreview(form) {
  const preview = document.getElementById("preview");
  const amount = form.elements.namedItem("amount");
  let timer;
  let request;
  if (!preview) return; // nothing can be given from this line

  form.addEventListener("input", (event) => {
    const field = event.target;
    if (field.name === "message") return;
    settle(field);
    clearTimeout(timer);
    timer = setTimeout(show, field.type === "radio" ? 0 : PAUSE_MS);
  });

  form.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="use_amount"]');
    if (!button) return;
    event.preventDefault();
    uncheck(form, '[data-fills="amount"] input');
    const chip = form.querySelector(`.chips input[value="${CSS.escape(button.value)}"]`);
    amount.value = chip ? "" : button.value;
    if (chip) chip.checked = true;
    settle(amount);
    amount.focus({ preventScroll: true });
    void show();
  });

  // Filled in by a link; where a form has come back with problems, they stand at their fields.
  if (preview.querySelector(".placeholder") && !document.querySelector(".alert")) void show();

  async function show() {
    request?.abort();
    request = new AbortController();
    preview.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        signal: request.signal,
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      preview.replaceChildren(...part.body.childNodes);
      preview.removeAttribute("aria-busy");
    } catch (error) {
      // The next step says the same, so a preview that fails is no reason to alarm anyone.
      if (error.name !== "AbortError") preview.removeAttribute("aria-busy");
    }
  }
}

// A field that is being corrected is no longer marked as wrong.
function settle(field) {
  field.removeAttribute("aria-invalid");
}

function uncheck(form, selector) {
  for (const input of form.querySelectorAll(selector)) input.checked = false;
}

// A second tap waits for the first; the server would give once all the same.
function sendOnce(form) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    form.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    sent = false;
    form.removeAttribute("aria-busy");
  });
}

// /sign-in#code: what stands behind # never leaves the browser by itself, nor stays in its history.
function takeCode(form) {
  const code = decodeURIComponent(location.hash.slice(1));
  if (!code || code === "main") return;
  form.elements.namedItem("code").value = code;
  history.replaceState(null, "", location.pathname + location.search);
  form.scrollIntoView({ block: "nearest" });
}

// The link that this tab keeps (landing.js) is not wanted behind this one.
function forgetLink(way) {
  way.addEventListener("click", () => sessionStorage.removeItem("yuzuri-link"));
}

// Both are there only where the browser can do it.
function copyText(button) {
  if (!navigator.clipboard) return;
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard.writeText(field.value);
    document.getElementById(`${field.id}-copied`).textContent = button.dataset.done;
  });
}

function shareLink(button) {
  const said = { title: button.dataset.title, text: button.dataset.text, url: button.dataset.share };
  if (!navigator.canShare?.(said)) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.share(said).catch(() => {}); // put away again by whoever opened it
  });
}

function closeMenus() {
  const menus = [...document.querySelectorAll("details.me")];
  document.addEventListener("click", (event) => {
    for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus) {
      if (menu.open) menu.querySelector("summary").focus();
      menu.open = false;
    }
  });
}

// What is used, left and told is asked for again while somebody is looking. A part that has not
// changed is left alone, and so is one in which somebody is just doing something.
function stayUpToDate() {
  const every = [...document.querySelectorAll("[data-live]")].map((part) => part.dataset.live);
  const pace = Math.min(...every.map((ms) => Number(ms) || REFRESH_MS));
  let wait = pace;
  let timer;
  let request;

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) request?.abort();
    else void refresh();
  });
  timer = setTimeout(refresh, wait);

  async function refresh() {
    request = new AbortController();
    try {
      const answer = await fetch(location.pathname + location.search, {
        signal: request.signal,
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      wait = pace;
    } catch {
      wait = Math.min(wait * 2, REFRESH_MS_MAX);
    }
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, wait);
  }

  function show(page) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (!fresh || isInUse(part)) continue;
      for (const details of part.querySelectorAll("details[open]")) {
        fresh.querySelector(`#${CSS.escape(details.id)}`)?.setAttribute("open", "");
      }
      if (fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
    }
  }

  function isInUse(part) {
    const selection = document.getSelection();
    const isSelecting = selection && !selection.isCollapsed && selection.containsNode(part, true);
    return isSelecting || part.contains(document.activeElement);
  }
}
