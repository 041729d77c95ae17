/** The one look of all pages. They work without it. */
export const style = `
:root { color-scheme: light dark; --ink: #1a1c1e; --paper: #f4f5f7; --card: #fff; --line: #6b7280; --act: #1d4ed8; --on-act: #fff; --alert: #b3261e; --quiet: #4b5563 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #111315; --card: #1c1f23; --line: #8b929c; --act: #8ab4f8; --on-act: #10213f; --alert: #f2b8b5; --quiet: #a9b0ba }
}
* { box-sizing: border-box }
body { margin: 0; padding: 1.5rem 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 26rem; margin: 4vh auto; padding: 1.75rem; background: var(--card); border-radius: .75rem; box-shadow: 0 1px 4px #0003 }
h1 { margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: .5rem 0 }
label { display: block; margin-top: 1rem; font-weight: 600 }
input { width: 100%; margin-top: .25rem; padding: .55rem .7rem; border: 1px solid var(--line); border-radius: .4rem; background: transparent; color: inherit; font: inherit }
button { margin-top: 1.25rem; padding: .6rem 1.1rem; border: 1px solid var(--act); border-radius: .4rem; background: var(--act); color: var(--on-act); font: inherit; font-weight: 600; cursor: pointer }
button.other { margin-left: .5rem; background: transparent; color: var(--act) }
input:focus-visible, button:focus-visible, summary:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
.hint { margin: .25rem 0 0; color: var(--quiet); font-size: .875rem }
.alert { padding: .6rem .8rem; border-left: 4px solid var(--alert); color: var(--alert); font-weight: 600 }
code { font-size: 1.05em; overflow-wrap: anywhere }
.code { font-size: 1.5rem; letter-spacing: .08em }
svg { display: block; width: 13rem; height: auto; margin: 1rem auto; border-radius: .4rem }
`
