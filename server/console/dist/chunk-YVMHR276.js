import{c as n,h as e}from"./chunk-AE7FT5XM.js";var t=n(void 0);function i(){let o=e(t);if(!o)throw new Error("no session around this page");return o}export{t as a,i as b};
