import{c as n,h as e}from"./chunk-7JS5DN2F.js";var t=n(void 0);function i(){let o=e(t);if(!o)throw new Error("no session around this page");return o}export{t as a,i as b};
