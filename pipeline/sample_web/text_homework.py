"""What people write in homework threads and question pages, around the sums and the spellings."""

# {a} and {b} are written with their nouns; the question follows in one of SUM_QUESTIONS.
SUM_STORIES = (
    "My {relative} [counts|is counting] {fruit} for the school fair. The first class "
    "[brought|picked] {a} and the second class [brought|picked] {b}.",
    "We are [keeping|doing] the books of the {hobby_club}. In {month} there were {a} {coins} in "
    "the tin, and {b} more came in after that.",
    "A~ [lorry|wagon] [carries|is loaded with] {a} {goods}, and at the {building} {b} more are "
    "put on top.",
    "{name} has read {a} pages of a long book, and {b} pages are left. My {relative} wants to "
    "know how thick the book is.",
    "The library [bought|owns] {a} books for grown-ups and {b} for children. [I have to|We "
    "should] say how many there are.",
    "In the game my {relative} made {a} points on {weekday} and {b} points on {weekday}. "
    "[Nobody|None of us] can agree on the total.",
    "One farmer has {a} {plants} in the upper field and {b} in the lower one. [The task|Our "
    "teacher] asks for all of them together.",
    "There were {a} people at the first concert and {b} at the second. [The band|My {relative}] "
    "needs the total for a report.",
    "On the trip we walked {a} steps before lunch and {b} steps after it, or so {name}'s counter "
    "says.",
    "The mill ground {a} sacks in {month} and {b} sacks in {month}. [That is all the text "
    "says|The rest of the page is torn].",
    "A shopkeeper sold {a} {goods} last year and {b} this year, and [writes|has to write] the sum "
    "on a slip.",
    "We found two numbers on the back of an old photograph, {a} and {b}, and my {relative} bets "
    "that I cannot add them.",
    "The town has {a} {tree} trees along the roads and {b} in the park. [This is number "
    "{small_number} on my sheet|The council wants one number].",
    "Two boxes of {coins} were found in the {room}: {a} in the first, {b} in the second.",
    "My {relative} dictated two numbers over the telephone, first {a} and then {b}, and hung up "
    "before I could ask.",
    "Bees in one hive: {a}. Bees in the other: {b}. [I did not count them myself|The beekeeper "
    "told us].",
)
SUM_ASKERS = (
    "[I am stuck|I keep getting it wrong], [please help|and it is for tomorrow].",
    "[My|Our] teacher wants [to see every step|the whole way], not only the [end|result].",
    "[Sorry|Excuse me] for [the easy question|asking again], I was ill for {small_number} days.",
    "[We|My {relative} and I] have been sitting in the {room} with this for [an hour|the whole "
    "{part_of_day}].",
    "I did it in my head and do not trust the [result|number].",
    "[Last time|On {weekday}] somebody here was so kind, so I try again.",
    "My {relative} says one thing and my {relative} another.",
    "[I know|They told me] how to do small ones, but these [look long|frighten me].",
    "No calculators are allowed, and [mine|ours] is broken anyway.",
    "The book has no answers at the back, which [is annoying|I think is unfair].",
)
# Before the worked sum: no colon needed, the sum follows as a sentence of its own.
SUM_ANSWERS = (
    "[Start|Begin] with the ones and [carry|take along] what is left over.",
    "Write the two numbers under each other and go from right to left.",
    "[No problem|Gladly|Of course], [here it is|let us do it together].",
    "[One column|One digit] at a time, [from the back|the ones first].",
    "{name} is right, [go slowly|do not rush], and [nothing can go wrong|it is easy].",
    "[Look|See], this is how [I was taught|my {relative} showed me|we do it in class].",
    "Take a sheet of paper and [follow me|write along].",
    "It [looks harder than it is|is quickly done].",
)
SUM_AFTER = (
    "[Check it|Try it] once more [by yourself|tomorrow], and [you will remember|it will stick].",
    "[That is all there is to it|And that is it], [good luck|have fun] with the rest.",
    "If a column [comes to|makes] ten or more, the one moves to the next column.",
    "[I hope that helps|Glad to help], and [say hello to your {relative}|do not give up].",
    "[My {relative}|The old teacher at our school] used beans for this, [but paper is quicker|and "
    "it worked].",
    "[You|Anyone] can turn the two numbers around and [will get the same|the answer stays].",
    "[Well done for asking|Asking is no shame], [most of us|even clever people] forget the carry.",
    "[Please|Do] write the steps down, or your teacher will think you [guessed|copied].",
    "[After|Once you have done] {small_number} of these you will not need [me|us] any more.",
    "[The same way works|It works the same] for longer numbers, you only need more "
    "[paper|patience].",
)
SUM_THANKS = (
    "[Thank you|Thanks a lot], {name}, [now I see it|that was quick|you saved my {part_of_day}].",
    "Oh, [I forgot the carry|I had started from the wrong end], [thank you|how silly of me].",
    "[Now|Then] my {relative} owes me {food}, [thanks to you|ha].",
    "[Great|Perfect], I will show it to [my {relative}|the class] on {weekday}.",
    "That is [what I got as well|not what I had], so [thank you|I am glad I asked].",
)
QUICK_INTRO = (
    "[And a quick one|A short one as well], [just to be sure|for my little {relative}].",
    "[Here is|I also have] an easy one that [we do in our heads|does not need any paper].",
    "[For the small ones|For small numbers] we only write the [answer|result].",
    "[Head|Mental] arithmetic next, [no steps needed|just the result].",
)
THREAD_OPENING = (
    "[This thread is|Welcome to the thread] for [everyone who is|all who are] stuck with "
    "[homework|numbers] this week.",
    "[Our|The] homework circle [meets|met] in the {room} of the {building}, and these are the "
    "[questions|problems] that came up.",
    "[Another|One more] {weekday}, another sheet of exercises from [our|the new] teacher.",
    "[Some|A few] questions have been lying in the box since {month}, so [here we go|let us "
    "answer them].",
    "[Parents|Grandparents] are [welcome|allowed] here too, [nobody laughs|we all learn].",
    "[It is|Here it is] raining, the {animal} is asleep, and so there is time for [sums|homework].",
    "{name} collected these from [the notice board|the whole class] and [I type|we post] them as "
    "they are.",
)
THREAD_CLOSING = (
    "The thread [stays open|is open] until {weekday}, and [more questions are welcome|then we "
    "start a new one].",
    "[Good night|Good luck] to [all|everyone], and [sharpen your pencils|eat some {food}].",
    "[That was|This is] enough for one {part_of_day}.",
    "[Next week|On {weekday}] we [go on with|turn to] [longer numbers|spelling|maps].",
)
SPELL_INTRO = (
    "[A question about spelling|Now for some spelling], since [the dictation is on {weekday}|I "
    "always mix it up].",
    "[My {relative} and I argue|We cannot agree] about a word in [a letter|the crossword].",
    "[I write|I am writing] a~ [card|sign] for the {building} and [do not want to look silly|it "
    "must be right].",
    "[One more thing|Something else], it is about a word.",
    "English is not my first language, so [please be kind|I often have to ask].",
)
SPELL_AFTER = (
    "[Say it aloud|Read it letter by letter], that [helps|is what I do].",
    "[I|We] [learned|practised] it with [a rhyme|big letters on the door].",
    "[Write it|Copy it] {small_number} times and you [will never forget|have got it].",
    "It is [easier|shorter] than it [sounds|looks].",
    "[My {relative}|Our teacher] gets it wrong [too|every time].",
)
FACT_OPENING = (
    "[These|The following] [questions|things] [were asked|came up] most often [this {season}|at "
    "the {building}|in our letters].",
    "[For|Before] the quiz on {weekday} we [collected|wrote down] some [questions|cards] with "
    "their answers.",
    "[Visitors|School classes|Readers] [ask|keep asking] us the same things, [so here is a "
    "list|and we answer gladly].",
    "[A|One] class from the {building} sent us their questions, and [we looked it all up|the "
    "archive helped].",
    "How well do you know [the region|your neighbours]? [Cover the answers with your hand|Ask "
    "your {relative}].",
    "My {relative} [is learning|learns] for the local history prize, and [I hold the cards|we "
    "post the list here].",
)
FACT_AFTER = (
    "[That one|This] was easy.",
    "[Many|Most] people [guess|get it] right.",
    "[I had to look it up|We checked twice], [I admit|to be honest].",
    "[Even|Not even] my {relative} knew that.",
    "There is a~ [sign|plaque] about it at the {building}.",
    "[You can read it|It is written] in any [good guide|school book].",
    "[The point goes|One point] to the table by the {furniture}.",
    "[Please|Do] remember it for {weekday}.",
    "[Ask|You may ask] at the {building} if you [do not believe it|want to know more].",
    "A~ {relative} of mine [told me|found out] years ago.",
)
FACT_CLOSING = (
    "[More|New] questions [are welcome|can be sent in] until {weekday}, [and the prize is "
    "{food}|by post or in person].",
    "If you know [all|most] of these, you [may call yourself a local|deserve {drink}].",
    "[That is it|So much] for this [week|round], [see you|until next time].",
    "[Thanks|Our thanks] to the [readers|children] who sent in [questions|corrections].",
)

# Talk between the problems, so that a page of sums is still mostly words.
CHAT = (
    "{name} here: [my {relative} says hello|we have {food} on the stove], and I [read along|will "
    "join in] until [supper|the {animal} wakes up].",
    "I have been a [teacher|parent] for {small_number} years, and the [carry|missing zero] is "
    "what people forget [most often|first].",
    "[When I was young|In my school days], we [wrote|did] our sums on slates and [wiped them with "
    "a sleeve|had no erasers].",
    "A [tip|trick] from my {elder}: [write the numbers large|use squared paper|say the steps "
    "aloud], so the columns do not get mixed up.",
    "[Who|Does anybody know who] has [borrowed|taken] the [ruler|blue book] from the {room}? It "
    "[belongs|goes back] to {name}.",
    "Our {animal} [ate|sat on] the [first|last] sheet, so I am [writing|copying] everything for "
    "the second time.",
    "[By the way|Before I forget], the homework circle [meets|will meet] in the {building} on "
    "{weekday}, with {drink} for [all|everyone].",
    "[Please|Friends, please] [put|write] only one problem in each post, or [nobody can find the "
    "answers|{name} gets dizzy].",
    "It is [quiet|lively] here tonight, and {weather} when I came home.",
    "I like [this|our] circle because nobody is [in a hurry|made fun of] and even the [slow "
    "ones|beginners] get [an answer|help].",
    "[Some|Many] of you write [faster|better] than I can [read|think], so [have patience with "
    "me|one after the other, please].",
    "My {relative} [checked|went over] the last page with a red pencil and found [nothing "
    "wrong|only one slip].",
    "[To the new people|Dear newcomers]: [read|please read] the older threads [first|as well], "
    "most [questions|problems] come up every {season}.",
    "{name} asked whether [sums|numbers] are good for anything, and I said that [without them no "
    "bridge would stand|a baker needs them each day].",
    "We [practise|do this] at the {furniture} in the {room}, [ten minutes|a quarter of an hour] "
    "each {part_of_day}, and it [helps|shows].",
    "If [the letters|your numbers] are too small on the screen, [print the page|ask {name}], I "
    "[cannot|do not know how to] change it.",
    "There will be {food} for [whoever|the one who] finishes the sheet first, [my {relative} "
    "promised|and I am good at baking].",
    "[Once|One {season}] I mixed up the sixes and the nines, and the {building} got the wrong "
    "number of [chairs|windows].",
)
