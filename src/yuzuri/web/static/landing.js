// /l#secret: the secret never leaves the browser but in the body of a POST, which takes nothing.
// It leaves the address bar at once, and stays in this tab alone, so that it survives signing in.

const KEPT = "yuzuri-link";
const SECRET = /^[\w-]{22}$/;

const found = location.hash.slice(1);
if (found && found !== "main") keepSecret(found);
window.addEventListener("hashchange", () => {
  const other = location.hash.slice(1); // a place in the page, or another link in the same tab
  if (!SECRET.test(other)) return;
  keepSecret(other);
  location.reload();
});
void open(sessionStorage.getItem(KEPT) ?? "");

function keepSecret(secret) {
  sessionStorage.setItem(KEPT, secret);
  history.replaceState(null, "", location.pathname);
}

async function open(secret) {
  try {
    const answer = await fetch("/l/open", {
      method: "POST",
      body: new URLSearchParams({ secret }),
      redirect: "error",
    });
    if (answer.status === 404 || answer.status === 409) sessionStorage.removeItem(KEPT); // it is over
    await show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    document.getElementById("main").classList.remove("opening");
    document.querySelector(".unreachable").hidden = false;
  }
}

// The answer is a whole page in the reader's language; it takes the place of this one.
async function show(page) {
  if (!page.getElementById("main")) throw new Error("not a page of ours");
  document.documentElement.lang = page.documentElement.lang;
  document.title = page.title;
  document.body.className = page.body.className;
  document.body.replaceChildren(...page.body.childNodes);
  document.getElementById("main").focus({ preventScroll: true });
  for (const script of page.querySelectorAll('script[type="module"]')) await import(script.src);
}
