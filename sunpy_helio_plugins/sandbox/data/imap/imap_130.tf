KPL/FK
\begintext
Synthetic.
