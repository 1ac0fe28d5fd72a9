/** `/holdfast-buy.js`: one script tag, and `<holdfast-buy>` works. The edge is where the script came from. */
import { defineHoldfastBuy } from './element.ts';

const script = document.currentScript;
const source = script instanceof HTMLScriptElement && script.src !== '' ? script.src : location.href;
defineHoldfastBuy({ edge: new URL(source).origin });
