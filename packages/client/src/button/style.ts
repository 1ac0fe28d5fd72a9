/** Small enough to be here. Everything that a shop may want otherwise is a custom property or a part. */
export const style = `
:host{display:block;font:inherit;font-variant-numeric:tabular-nums;color:inherit;
--_a:var(--holdfast-accent,#b4481e);--_on:var(--holdfast-on-accent,#fff);--_r:var(--holdfast-radius,12px);
--_l:var(--holdfast-line,color-mix(in srgb,currentColor 16%,transparent));
--_m:var(--holdfast-muted,color-mix(in srgb,currentColor 72%,transparent));
--_w:var(--holdfast-warning,#b3261e)}
*{box-sizing:border-box}[hidden]{display:none!important}
p,h2,dl,dd{margin:0}
.top{display:flex;align-items:baseline;justify-content:space-between;gap:1em;flex-wrap:wrap}
.price{font-size:1.5em;font-weight:600}
.stock{color:var(--_m)}
[part$=bar]{block-size:3px;border-radius:3px;background:var(--_l);overflow:hidden;margin-block:.75em 0}
[part$=bar] i{display:block;block-size:100%;background:var(--_a);border-radius:3px}
.card{margin-block-start:1em}
h2{font-size:1.4em;line-height:1.3;font-weight:600}
h2:focus{outline:none}
.text{color:var(--_m);line-height:1.5;margin-block-start:.35em}
.clock{display:flex;flex-direction:column;gap:.1em;margin-block:.9em .2em}
.clock span{font-size:.8em;color:var(--_m)}
.clock b{font-size:2.6em;line-height:1.1;font-weight:500}
[data-hurry=minute] .clock b,[data-hurry=seconds] .clock b{color:var(--_w)}
[data-hurry=minute] [part$=bar] i,[data-hurry=seconds] [part$=bar] i{background:var(--_w)}
.actions{display:flex;flex-wrap:wrap;gap:.6em;margin-block-start:1.1em}
.actions:empty{display:none}
button,a{font:inherit;line-height:1.2;cursor:pointer;text-decoration:none;text-align:center;border-radius:var(--_r);
padding:.85em 1.3em;border:1px solid var(--_l);background:none;color:inherit;min-block-size:48px}
button:hover,a:hover{border-color:currentColor}
.main{flex:1 0 100%;background:var(--_a);border-color:var(--_a);color:var(--_on);font-weight:600;font-size:1.05em}
.main:hover{background:color-mix(in srgb,var(--_a) 88%,#000);border-color:transparent}
button:focus-visible,a:focus-visible{outline:3px solid color-mix(in srgb,var(--_a) 55%,transparent);outline-offset:2px}
[aria-disabled=true]{opacity:.55;cursor:progress}
dl{display:grid;grid-template-columns:auto 1fr;gap:.35em 1.2em;margin-block-start:1.1em;padding-block-start:1em;
border-block-start:1px solid var(--_l);font-size:.85em}
dl:empty{display:none}
dt{color:var(--_m)}
dd{text-align:end;overflow-wrap:anywhere;min-inline-size:0}
bdi.code{font-family:ui-monospace,monospace;font-size:.92em}
.notice{margin-block-start:1em;padding:.7em .9em;border-radius:var(--_r);font-size:.9em;line-height:1.45;
border-inline-start:3px solid var(--_w);background:color-mix(in srgb,var(--_w) 9%,transparent)}
.said{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
`;
